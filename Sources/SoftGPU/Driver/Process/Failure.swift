internal import Driver

/// A call that ends with a status other than success.
struct Failure: Error, Equatable {
    /// The `CUresult`.
    let status: Int32

    init(_ status: Int32) {
        self.status = status
    }

    static let invalidValue = Failure(Status.invalidValue)
    static let outOfMemory = Failure(Status.outOfMemory)
    static let invalidHandle = Failure(Status.invalidHandle)
    static let invalidContext = Failure(Status.invalidContext)
    static let notSupported = Failure(Status.notSupported)
    static let notFound = Failure(Status.notFound)
}
