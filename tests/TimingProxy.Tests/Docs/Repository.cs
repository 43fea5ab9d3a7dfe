using System.Runtime.CompilerServices;

namespace TimingProxy.Tests.Docs;

/// <summary>The checkout that the tests were built from.</summary>
internal static class Repository
{
    public static string PathOf(string relative) => Path.Combine(Root(), relative);

    /// <summary>
    /// Compares a committed file with what it is made from. With <c>UPDATE_DOCS=1</c> in the environment the file is written instead.
    /// </summary>
    public static void AssertIsUpToDate(string relative, string expected)
    {
        string path = PathOf(relative);
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
        {
            File.WriteAllText(path, expected);
        }

        string actual = File.Exists(path) ? File.ReadAllText(path) : "";
        Assert.True(actual == expected, $"{relative} is not what the code says; run UPDATE_DOCS=1 dotnet test and commit the change.");
    }

    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));
}
