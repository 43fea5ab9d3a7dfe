using System.Collections;
using System.Reflection;
using System.Text;
using Microsoft.AspNetCore.Builder;
using TimingProxy.Hosting;
using TimingProxy.Settings;
using TimingProxy.Tests.Docs;

namespace TimingProxy.Tests.Hosting;

/// <summary>
/// The list of types that the native binary has ready: those that the container has made of open generics once a proxy has started and
/// answered. Only the container knows them, and keeps them to itself; so it is looked into.
/// </summary>
public sealed class PrebuiltTypesTests : IDisposable
{
    private const BindingFlags Any = BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public;

    private readonly string _folder = Directory.CreateTempSubdirectory("timingproxy-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task PrebuiltTypes_AreThoseThatAStartMakes()
    {
        var made = (await MadeOfOpenGenericsAsync()).Distinct().ToArray();

        Assert.NotEmpty(made);
        Repository.AssertIsUpToDate("src/TimingProxy/Native/PrebuiltTypes.rd.xml", Directives(made));
    }

    private async Task<IEnumerable<Type>> MadeOfOpenGenericsAsync()
    {
        string path = Path.Combine(_folder, "settings.json");
        await File.WriteAllTextAsync(
            path,
            """{ "TimingProxy": { "Upstream": "http://127.0.0.1:1", "Listen": "http://127.0.0.1:0", "Admin": { "Listen": "http://127.0.0.1:0" } } }""",
            TestContext.Current.CancellationToken);
        var options = new StartOptions(new Dictionary<string, string?>(), path, Demo: false, new Dictionary<string, string>());
        var loaded = await LoadedConfiguration.LoadAsync(options, TestContext.Current.CancellationToken);
        await using var app = await ProxyApplication.BuildAsync(options, loaded, TimeProvider.System);
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var client = new HttpClient();
        using var answer = await client.GetAsync(app.Services.GetRequiredService<BoundAddresses>().FirstTraffic, TestContext.Current.CancellationToken);
        var made = ImplementationsOf(app).ToArray();
        await app.StopAsync(TestContext.Current.CancellationToken);
        return made;
    }

    /// <summary>Types whose constructors the container calls to make services that were registered as open generics.</summary>
    private static IEnumerable<Type> ImplementationsOf(WebApplication app)
    {
        object factory = Of(app.Services, "CallSiteFactory")!;
        var open = ((IEnumerable<ServiceDescriptor>)Of(factory, "_descriptors")!)
            .Where(service => !service.IsKeyedService && service.ServiceType.IsGenericTypeDefinition)
            .Select(service => service.ImplementationType!)
            .ToHashSet();
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var left = new Stack<object>(((IDictionary)Of(factory, "_callSiteCache")!).Values.Cast<object>());
        while (left.TryPop(out object? site))
        {
            if (!seen.Add(site))
            {
                continue;
            }

            // Of a constructor, or of many of the same.
            foreach (var parts in new[] { Of(site, "ParameterCallSites"), Of(site, "ServiceCallSites") }.OfType<IEnumerable>())
            {
                foreach (object part in parts)
                {
                    left.Push(part);
                }
            }

            if (Of(site, "ImplementationType") is Type { IsConstructedGenericType: true } type && open.Contains(type.GetGenericTypeDefinition()))
            {
                yield return type;
            }
        }
    }

    private static object? Of(object instance, string member) =>
        instance.GetType().GetProperty(member, Any)?.GetValue(instance) ?? instance.GetType().GetField(member, Any)?.GetValue(instance);

    private static string Directives(IEnumerable<Type> types)
    {
        var text = new StringBuilder("""
            <!--
              The services that the container makes of open generics (ILogger<>, IOptions<> and the like). Not named here, they would be put together
              from their parts at every start. Written by PrebuiltTypesTests.
            -->
            <Directives xmlns="http://schemas.microsoft.com/netfx/2013/01/metadata">
              <Application>

            """);
        foreach (var assembly in types.GroupBy(type => type.Assembly.GetName().Name).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            text.Append($"    <Assembly Name=\"{assembly.Key}\">\n");
            foreach (string name in assembly.Select(NameOf).Order(StringComparer.Ordinal))
            {
                text.Append($"      <Type Name=\"{name}\" Dynamic=\"Required All\" />\n");
            }

            text.Append("    </Assembly>\n");
        }

        return text.Append("  </Application>\n</Directives>\n").ToString();
    }

    // Arguments come with their assemblies, which have no version here.
    private static string NameOf(Type type) =>
        $"{type.Namespace}.{type.Name}[{string.Join(',', type.GenericTypeArguments.Select(argument => $"[{argument.FullName}, {argument.Assembly.GetName().Name}]"))}]";
}
