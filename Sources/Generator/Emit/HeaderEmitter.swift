/// Writes the C header that the exported functions are checked against.
struct HeaderEmitter {
    let description: Description
    let names: TypeNames

    func emit() -> String {
        var text = """
            /* \(Generator.notice) */
            #ifndef FERRY_CUDA_ABI_H
            #define FERRY_CUDA_ABI_H
            #include <stddef.h>

            typedef int CUresult;

            """
        for type in description.types { text += declaration(type) + "\n" }
        text += "\n"
        for result in description.results {
            text += "#define FERRY_\(result.name) \(result.value)\n"
        }
        text += "\n"
        for call in description.calls { text += prototype(call) + "\n" }
        return text + "\n#endif\n"
    }

    private func declaration(_ type: TypeDeclaration) -> String {
        switch type {
        case .scalar(let name, let base): "typedef \(names.c(base)) \(name);"
        case .handle(let name): "typedef struct \(name)_object *\(name);"
        case .enumeration(let name): "typedef int \(name);"
        case .opaque(let name): "typedef struct \(name) \(name);"
        case .callback(let name, let result, let arguments):
            "typedef \(names.c(result)) (*\(name))(\(parameters(arguments)));"
        case .structure(let name, let fields):
            "typedef struct \(name) {\n"
                + fields.map { "  \(names.c($0.type)) \($0.name)\(length($0));\n" }.joined()
                + "} \(name);"
        }
    }

    private func length(_ field: Field) -> String {
        field.count.map { "[\($0)]" } ?? ""
    }

    private func parameters(_ arguments: [Argument]) -> String {
        arguments.isEmpty
            ? "void"
            : arguments.map { "\(names.c($0.type)) \($0.name)" }.joined(separator: ", ")
    }

    private func prototype(_ call: Call) -> String {
        "CUresult \(call.name)(\(parameters(call.arguments)));"
    }
}

/// Writes the table from which `cuGetProcAddress` answers, as constant data in C.
struct ProcTableEmitter {
    let description: Description

    func emit() -> String {
        let rows = description.calls.sorted {
            ($0.base, $0.variant == .legacy ? 0 : 1, $0.version, $0.name)
                < ($1.base, $1.variant == .legacy ? 0 : 1, $1.version, $1.name)
        }
        var text = """
            /* \(Generator.notice) */
            #include "ferry_procs.h"
            #include "cuda_abi.h"

            /* Tests put something else in place of the address. */
            #ifndef FERRY_PROC
            #define FERRY_PROC(name) (void *)name
            #endif

            const struct ferry_proc ferry_procs[] = {

            """
        for row in rows {
            let isPerThread = row.variant == .legacy ? 0 : 1
            text +=
                "  {\"\(row.base)\", FERRY_PROC(\(row.name)), \(row.version), \(isPerThread)},\n"
        }
        return text + "};\nconst int ferry_proc_count = \(rows.count);\n"
    }
}
