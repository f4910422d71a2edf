internal import CUDAABI
internal import Driver

/// The errors of stream capture, by their names in cuda.h.
extension Failure {
    static let captureUnsupported = Failure(FERRY_CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED)
    static let captureInvalidated = Failure(FERRY_CUDA_ERROR_STREAM_CAPTURE_INVALIDATED)
    static let captureMerge = Failure(FERRY_CUDA_ERROR_STREAM_CAPTURE_MERGE)
    static let captureUnmatched = Failure(FERRY_CUDA_ERROR_STREAM_CAPTURE_UNMATCHED)
    static let captureUnjoined = Failure(FERRY_CUDA_ERROR_STREAM_CAPTURE_UNJOINED)
    static let captureIsolation = Failure(FERRY_CUDA_ERROR_STREAM_CAPTURE_ISOLATION)
    static let captureImplicit = Failure(FERRY_CUDA_ERROR_STREAM_CAPTURE_IMPLICIT)
    static let capturedEvent = Failure(FERRY_CUDA_ERROR_CAPTURED_EVENT)
    static let captureWrongThread = Failure(FERRY_CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD)
    static let illegalState = Failure(Status.illegalState)
    static let lossyQuery = Failure(FERRY_CUDA_ERROR_LOSSY_QUERY)
    static let updateFailed = Failure(FERRY_CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE)
}
