internal import PTX

/// A code source, parsed: its kernels as the text declares them, without a context.
struct CodeIndex {
    /// A kernel's declaration.
    struct Entry {
        var name: String
        var parameters: [Kernel.Parameter]
    }

    /// In the order of the text.
    private(set) var entries: [Entry] = []
    private var byName: [String: Int] = [:]
    /// The texts.
    let units: [Syntax.Module]
    /// As of the source.
    let isPlainText: Bool
    /// As of the source.
    let maximumRegisters: Int?

    /// Looks through the texts; fails at the first error outside function bodies.
    init(_ source: CodeSource) throws(CodeFailure) {
        isPlainText = source.isPlainText
        maximumRegisters = source.maximumRegisters
        var units: [Syntax.Module] = []
        for text in source.texts {
            do {
                units.append(try ModuleCache.shared.module(text))
            } catch {
                throw CodeFailure(CompileError(.invalidPTX, line: error.line, error.message))
            }
        }
        self.units = units
        for unit in units {
            for function in unit.functions where function.isEntry && function.hasBody {
                guard byName[function.name] == nil else { continue }
                byName[function.name] = entries.count
                let parameters = function.launchParameters
                entries.append(Entry(name: function.name, parameters: parameters))
            }
        }
    }

    /// The kernel with a name.
    func entry(_ name: String) -> Entry? {
        byName[name].map { entries[$0] }
    }
}
