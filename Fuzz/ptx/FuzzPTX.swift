import Glibc

/// libFuzzer's entry: parses a text with all its bodies, and checks the tree. Compiled together
/// with the parser's sources into one module (dev/fuzz-ptx).
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = UnsafeRawBufferPointer(start: start, count: count)
    guard let module = try? Syntax.Module(text) else { return 0 }
    for variable in module.variables {
        if let found = violation(in: variable, module) { fatalError("\(variable.name): \(found)") }
    }
    for function in module.functions where function.hasBody {
        guard let body = try? function.parseBody() else { continue }
        if let found = violation(in: body, of: function, module) {
            fatalError("\(function.name): \(found)")
        }
    }
    return 0
}

/// With `PTX_FUZZ_SEEDS` in the environment, writes the seeds and the dictionary into that folder
/// and ends.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(_ count: UnsafePointer<CInt>?, _ arguments: UnsafeRawPointer?) -> CInt {
    guard let folder = getenv("PTX_FUZZ_SEEDS") else { return 0 }
    let path = String(cString: folder)
    for (index, text) in Corpus.all.enumerated() { write(text, to: "\(path)/seed\(index).ptx") }
    let directives = [
        ".version", ".target", ".entry", ".func", ".reg", ".param", ".align", ".branchtargets",
        ".callprototype", ".calltargets", ".loc", ".section", ".alias", "WARP_SZ", "generic(",
    ]
    let words =
        directives + Syntax.Opcode.allCases.map(\.rawValue)
        + Syntax.ScalarType.allCases.map { ".\($0.rawValue)" }
    write(words.map { "\"\($0)\"\n" }.joined(), to: "\(path)/../ptx.dict")
    exit(0)
}

private func write(_ text: String, to path: String) {
    guard let file = fopen(path, "w") else { fatalError("cannot write \(path)") }
    fputs(text, file)
    fclose(file)
}
