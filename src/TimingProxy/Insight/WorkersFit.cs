namespace TimingProxy.Insight;

/// <summary>What the workers' law says of a stretch of time.</summary>
/// <param name="Estimate">The limit at which the law holds; meaningful only where there is a <paramref name="Significance"/>.</param>
/// <param name="Low">Fewer cannot have been worked on at a time (97.5 %).</param>
/// <param name="High">More cannot have been, where there is a limit at all.</param>
/// <param name="Dip">How far the work that was done stays behind what more than the limit would have done; 1 is not at all.</param>
/// <param name="Significance">Of the dip, in standard errors; 0 where there is none.</param>
/// <param name="Deepest">The same of the deepest dip, significant or not.</param>
/// <param name="GrowthBelow">How upstream time grows with requests in flight below the limit: 0 not at all, 1 in proportion.</param>
/// <param name="GrowthAbove">The same, over all levels.</param>
/// <param name="ChangeAt">The block with which another limit begins to hold; -1 where it is the same all the time.</param>
internal readonly record struct WorkersFit(
    double Estimate, double Low, double High, double Dip, double Significance, double Deepest, double GrowthBelow, double GrowthAbove, int ChangeAt);
