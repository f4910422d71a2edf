internal import CLinux
internal import Driver

/// One line for each launch, in the file that `FERRY_SOFT_GPU_LAUNCH_LOG` names, so that what a program
/// has launched can be compared with what arrived: kernel, grid, block, dynamic shared memory in bytes,
/// and the parameters in hexadecimal. Processes may share a file; safe to use from any thread.
enum LaunchLog {
    /// Whether launches are written down.
    static let isWanted = descriptor >= 0

    private static let descriptor: Int32 = {
        guard let path = getenv("FERRY_SOFT_GPU_LAUNCH_LOG"), path.pointee != 0 else { return -1 }
        let file = ferry_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        if file < 0 {
            Diagnostics.always(
                "FERRY_SOFT_GPU_LAUNCH_LOG=\(String(cString: path)): cannot be written"
            )
        }
        return file
    }()

    /// Writes a launch down.
    static func note(
        _ kernel: Kernel,
        _ launch: LaunchConfiguration,
        _ parameters: UnsafeRawBufferPointer
    ) {
        var line = Array(kernel.name.utf8)
        for size in [launch.grid, launch.block] {
            line += " \(size.x),\(size.y),\(size.z)".utf8
        }
        line += " \(launch.dynamicSharedBytes) ".utf8
        let digits = Array("0123456789abcdef".utf8)
        for byte in parameters {
            line.append(digits[Int(byte >> 4)])
            line.append(digits[Int(byte & 15)])
        }
        line.append(10)
        // One write, which other processes' lines cannot come between.
        line.span.bytes.withUnsafeBytes { bytes in
            _ = write(descriptor, bytes.baseAddress, bytes.count)
        }
    }
}
