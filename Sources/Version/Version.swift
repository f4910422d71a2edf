/// The release that all programs of one build belong to.
package enum FerryVersion {
    /// `major.minor.patch`, by semantic versioning.
    package static let current = "0.1.0"
}
