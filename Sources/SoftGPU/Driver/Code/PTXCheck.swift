internal import PTX

/// A look at PTX without loading it.
enum PTXCheck {
    /// The first error outside function bodies, `nil` if there is none.
    static func firstError(_ text: [UInt8]) -> String? {
        do throws(PTXError) {
            _ = try Syntax.Module(text)
            return nil
        } catch {
            return error.description
        }
    }
}
