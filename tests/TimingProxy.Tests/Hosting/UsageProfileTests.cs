using System.Collections.Immutable;
using System.IO.Compression;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using TimingProxy.Tests.Docs;
using TimingProxy.Timing;

namespace TimingProxy.Tests.Hosting;

/// <summary>
/// The profile that the native compiler is given (<c>usage.mibc</c>): what it says of methods that have changed their name since is lost, and the
/// binary is slower without a word.
/// </summary>
public sealed class UsageProfileTests
{
    private const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Assembly Own = typeof(RequestTiming).Assembly;

    [Fact]
    public void Profile_MethodsOfOurs_MostAreStillThere()
    {
        var methods = OwnMethods();

        Assert.NotEmpty(methods);
        string[] gone = [.. methods.Where(method => !Exists(method.Type, method.Name)).Select(method => $"{method.Type}.{method.Name}")];
        Assert.True(
            gone.Length * 4 < methods.Count,
            $"{gone.Length} of {methods.Count} methods are gone; take the profile anew (docs/performance.md): {string.Join(", ", gone)}");
    }

    [Theory]
    [InlineData("TimingProxy.Timing.TimingHeaders", "Stamp")]
    [InlineData("TimingProxy.Timing.RequestTiming", "MarkCompleted")]
    public void Profile_WhatEveryRequestRuns_IsInIt(string type, string method) => Assert.Contains((type, method), OwnMethods());

    private static bool Exists(string type, string method) =>
        Own.GetType(type) is { } found && (found.GetMethods(All).Any(one => one.Name == method) || found.GetConstructors(All).Any(one => one.Name == method));

    private static List<(string Type, string Name)> OwnMethods()
    {
        using var zip = ZipFile.OpenRead(Repository.PathOf("src/TimingProxy/Native/usage.mibc"));
        using var content = new MemoryStream();
        using (var entry = Assert.Single(zip.Entries).Open())
        {
            entry.CopyTo(content);
        }

        using var file = new PEReader(ImmutableArray.Create(content.ToArray()));
        var metadata = file.GetMetadataReader();
        return
        [
            .. from handle in metadata.MemberReferences
               let member = metadata.GetMemberReference(handle)
               where member.Parent.Kind == HandleKind.TypeReference
               let type = NameOf(metadata, (TypeReferenceHandle)member.Parent)
               where type is not null
               select (type, metadata.GetString(member.Name)),
        ];
    }

    /// <summary>Full name of a type of ours, null for others.</summary>
    private static string? NameOf(MetadataReader metadata, TypeReferenceHandle handle)
    {
        var type = metadata.GetTypeReference(handle);
        string name = metadata.GetString(type.Name);
        switch (type.ResolutionScope.Kind)
        {
            case HandleKind.TypeReference:
                return NameOf(metadata, (TypeReferenceHandle)type.ResolutionScope) is { } outer ? $"{outer}+{name}" : null;
            case HandleKind.AssemblyReference:
                string assembly = metadata.GetString(metadata.GetAssemblyReference((AssemblyReferenceHandle)type.ResolutionScope).Name);
                string space = metadata.GetString(type.Namespace);
                return assembly != Own.GetName().Name ? null : space.Length == 0 ? name : $"{space}.{name}";
            default:
                return null;
        }
    }
}
