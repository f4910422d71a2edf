/// Bodies of the calls about memory pools, and of those that take and give back memory in the order of a
/// stream. Pools have the client's handles; addresses are the driver's.
package enum MemoryPoolLayout {
    // cuMemPoolCreate: u64 pool, u64 bytes at most (0: no bound), u32 kind, u32 usage, u32 kind of location,
    // u32 its number
    package static let mostBytes = 8
    package static let kind = 16
    package static let usage = 20
    package static let location = 24
    package static let createSize = 32

    // cuDeviceGetDefaultMemPool: u64 pool, which the client has named so, u32 device, u32 0
    package static let device = 8
    package static let defaultSize = 16

    // cuMemPoolDestroy: u64 pool
    package static let destroySize = 8

    // cuMemPoolSetAttribute: u64 pool, u32 attribute, u32 0, u64 value
    // cuMemPoolGetAttribute: u64 pool, u32 attribute, u32 0 → u64 value
    package static let attribute = 8
    package static let value = 16
    package static let setAttributeSize = 24
    package static let getAttributeSize = 16

    // cuMemPoolTrimTo: u64 pool, u64 bytes
    package static let trimSize = 16

    // cuMemPoolSetAccess: u64 pool, then for each location as in `VirtualMemoryLayout`
    package static let locations = 8
    // cuMemPoolGetAccess: u64 pool, u32 kind of location, u32 its number → u32 flags, u32 0
    package static let getAccessSize = 16

    // cuMemAllocFromPoolAsync: u64 bytes, u64 pool, u64 stream → u64 address
    package static let allocateSize = 24
    // cuMemFreeAsync: u64 address, u64 stream
    package static let freeSize = 16
}
