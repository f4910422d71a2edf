internal import Glibc

/// The folder with the client library that programs get instead of a driver.
package enum ClientLibrary {
    /// `$FERRY_LIBRARY_DIR/client`, or `../lib/ferry/client` beside ferry's own file.
    package static func folder(environment: Environment) throws(Failure) -> String {
        let base: String
        if let named = environment["FERRY_LIBRARY_DIR"], !named.isEmpty {
            base = named
        } else if let own = Files.ownExecutable(), let slash = own.lastIndex(of: "/") {
            let folder = own[..<slash]
            let parent = folder.lastIndex(of: "/").map { folder[..<$0] } ?? folder
            base = "\(parent)/lib/ferry"
        } else {
            throw Failure("ferry cannot find its own files; set FERRY_LIBRARY_DIR")
        }
        let folder = base + "/client"
        guard access(folder + "/libcuda.so.1", R_OK) == 0 else {
            throw Failure(
                "the client library is not at \(folder)/libcuda.so.1; install Ferry whole, or set "
                    + "FERRY_LIBRARY_DIR to its lib/ferry folder"
            )
        }
        // The dynamic linker splits its list at these, so such a folder cannot be named to it.
        guard !folder.contains(":"), !folder.contains(";") else {
            throw Failure(
                "the folder \(folder) has a ':' or ';' in its name; install Ferry elsewhere"
            )
        }
        return folder
    }
}
