using System.Reflection;
using System.Reflection.Emit;

namespace TimingProxy.Tests.House;

/// <summary>The types of its own assembly that a type mentions: in signatures, fields, attributes' owners and in the code of its methods.</summary>
internal static class TypeReferences
{
    private const BindingFlags All =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> OpCodesByValue = typeof(OpCodes)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => code.Value);

    public static ISet<Type> Of(Type type)
    {
        var found = new HashSet<Type>();
        Add(type.BaseType);
        foreach (var implemented in type.GetInterfaces())
        {
            Add(implemented);
        }

        foreach (var field in type.GetFields(All))
        {
            Add(field.FieldType);
        }

        foreach (var method in type.GetMethods(All).Cast<MethodBase>().Concat(type.GetConstructors(All)))
        {
            Add((method as MethodInfo)?.ReturnType);
            foreach (var parameter in method.GetParameters())
            {
                Add(parameter.ParameterType);
            }

            foreach (var member in MembersInCode(method))
            {
                Add(member as Type ?? member.DeclaringType);
                if (member is MethodInfo { IsGenericMethod: true } generic)
                {
                    Array.ForEach(generic.GetGenericArguments(), Add);
                }
            }
        }

        return found;

        void Add(Type? mentioned)
        {
            if (mentioned is null)
            {
                return;
            }

            if (mentioned.HasElementType)
            {
                Add(mentioned.GetElementType());
            }
            else if (mentioned is { IsGenericType: true, IsGenericTypeDefinition: false })
            {
                Array.ForEach(mentioned.GetGenericArguments(), Add);
                Add(mentioned.GetGenericTypeDefinition());
            }
            else if (mentioned.Assembly == type.Assembly)
            {
                found.Add(mentioned);
            }
        }
    }

    private static IEnumerable<MemberInfo> MembersInCode(MethodBase method)
    {
        byte[]? code = method.GetMethodBody()?.GetILAsByteArray();
        for (int i = 0; i < code?.Length;)
        {
            short value = code[i] == 0xFE ? (short)(0xFE00 | code[i + 1]) : code[i];
            var opCode = OpCodesByValue[value];
            i += opCode.Size;
            if (opCode.OperandType is OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok)
            {
                yield return method.Module.ResolveMember(
                    BitConverter.ToInt32(code, i),
                    method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null,
                    method.IsGenericMethod ? method.GetGenericArguments() : null)!;
            }

            i += opCode.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(code, i)),
                _ => 4,
            };
        }
    }
}
