namespace TimingProxy.Tests.Functional;

/// <summary>
/// Tests with a whole proxy run one at a time: they hold times against bounds, and exporters take in the figures of every meter of the
/// process that has the name they listen to.
/// </summary>
[CollectionDefinition(nameof(RunsAlone), DisableParallelization = true)]
public sealed class RunsAlone;
