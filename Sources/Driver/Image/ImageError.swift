/// Why an image of device code cannot be read.
package enum ImageError: Error, Equatable, Sendable {
    /// It ends before its own tables say.
    case truncated
    /// A size or an offset in it points outside it.
    case outOfBounds
    /// A header has a version or a size that is not known.
    case unknownVersion
    /// It is larger than an image may be (4 GiB).
    case tooLarge
    /// It is of a kind whose length is not known (TileIR bytecode).
    case unknownLength
    /// It is empty, or its first bytes belong to no known kind and are no text.
    case notAnImage

    /// A sentence for a person.
    package var text: StaticString {
        switch self {
        case .truncated: "the image ends before its own tables say"
        case .outOfBounds: "a size or offset in the image points outside it"
        case .unknownVersion: "a header of the image has an unknown version or size"
        case .tooLarge: "the image is larger than 4 GiB"
        case .unknownLength: "the image is of a kind whose length is not known (TileIR)"
        case .notAnImage: "the first bytes belong to no known kind of image"
        }
    }
}
