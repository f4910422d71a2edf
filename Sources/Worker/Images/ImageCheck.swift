internal import Driver

/// Whether an image can be shown to the driver: it takes a pointer without a size, and must not
/// be led beyond the end.
enum ImageCheck {
    /// Checks the headers of an image of `bytes.count` bytes.
    ///
    /// - Returns: `Status.success`, or what a load of it returns.
    static func check(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        guard let base = bytes.baseAddress, bytes.count >= 4 else { return Status.invalidImage }
        // A wrapper holds pointers, and a pointer of the client means nothing here.
        if base.loadUnaligned(as: UInt32.self) == ImageLayout.wrapperMagic {
            return Status.invalidImage
        }
        do throws(ImageError) {
            let layout = try ImageLayout.measure(base, limit: bytes.count)
            return layout.size <= bytes.count ? Status.success : Status.invalidImage
        } catch .unknownLength {
            return Status.success
        } catch {
            WorkerLog.line("an image was refused: \(error.text)")
            return Status.invalidImage
        }
    }
}
