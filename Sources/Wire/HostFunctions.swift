/// Body of `cuLaunchHostFunc` and `cuStreamAddCallback`: a function of the program that a stream calls. What
/// it is only the client knows, by a number (docs/adr/0017).
package enum HostFunctionLayout {
    package static let stream = 0  // u64, handle
    package static let number = 8  // u64, not that of a function that has not returned
    package static let size = 16

    /// Functions at most that were given to streams of a session and have not returned. A client waits
    /// before it gives more.
    package static let most = 4096
}
