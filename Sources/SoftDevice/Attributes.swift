extension DeviceDescription {
    /// What `cuDeviceGetAttribute` answers, by the attribute's number (`CUdevice_attribute`).
    ///
    /// Attributes that are not listed, and those of abilities that the software GPU has not, are
    /// 0: the CUDA runtime refuses to start when any of them is an error.
    package func attribute(_ number: Int32) -> Int32 {
        switch number {
        case 1...20: launchAttribute(number)
        case 21...29, 42...49, 51...77: textureAttribute(number)
        default: otherAttribute(number)
        }
    }

    private func launchAttribute(_ number: Int32) -> Int32 {
        switch number {
        case 1: Int32(resources.threadsPerBlock)
        case 2, 3: 1024  // block dimensions x and y
        case 4: 64  // block dimension z
        case 5: .max  // grid dimension x
        case 6, 7: 65_535  // grid dimensions y and z
        case 8: Int32(resources.sharedPerBlock)
        case 9: Int32(resources.constant)
        case 10: Int32(resources.warpSize)
        case 11: .max  // pitch
        case 12: Int32(resources.registers)
        case 13: 1_410_000  // clock rate in kHz
        case 14: 512  // texture alignment
        case 15: 1  // copies overlap with kernels
        case 16: Int32(resources.multiprocessors)
        case 19: 1  // host memory can be mapped
        default: 0  // 17 time limit, 18 integrated, 20 compute mode "default"
        }
    }

    private func textureAttribute(_ number: Int32) -> Int32 {
        switch number {
        case 21, 22, 55, 56: 131_072
        case 23, 57: 65_536
        case 24, 25, 26, 58, 59, 60: 16_384
        case 27, 28, 42, 45, 46, 49, 52, 53, 61, 63, 64, 66, 67, 73, 74, 77: 32_768
        case 47, 48: 16_384
        case 29, 43, 62, 65: 2048  // layers
        case 54, 68: 2046  // layers of cube maps
        case 44: 1
        case 51: 32  // alignment of pitched textures
        case 69: 268_435_456
        case 70: 131_072
        case 71: 65_000
        case 72: 2_097_120
        case 75: Int32(capability.major)
        case 76: Int32(capability.minor)
        default: 0
        }
    }

    private func otherAttribute(_ number: Int32) -> Int32 {
        switch number {
        case 30: 512  // alignment of surfaces
        case 31: 1  // concurrent kernels
        case 33: identity.pci.bus
        case 34: identity.pci.device
        case 36: 1_215_000  // memory clock in kHz
        case 37: 256  // width of the memory bus in bits
        case 38: 4 << 20  // level 2 cache in bytes
        case 39: Int32(resources.threadsPerMultiprocessor)
        case 40: 2  // copy engines
        case 41: 1  // unified addressing
        case 50: identity.pci.domain
        case 78: 1  // stream priorities
        case 79, 80: 1  // level 1 cache for global and local memory
        case 81: Int32(resources.sharedPerMultiprocessor)
        case 82: Int32(resources.registers)
        case 83: 1  // managed memory
        case 87: 2  // single to double precision
        case 90: 1  // compute preemption
        case 91: 1  // registered host memory has the same address
        case 95: 1  // cooperative launch
        case 97: Int32(resources.sharedPerBlockOptIn)
        case 99: 1  // host memory can be registered
        case 102: 1  // virtual memory management
        case 106: Int32(resources.blocksPerMultiprocessor)
        case 111: Int32(resources.sharedReservedPerBlock)
        case 115: 1  // memory pools
        case 126: 1  // memory synchronisation domains
        case 131: -1  // NUMA node of the GPU's memory
        default: 0
        }
    }
}
