extension Syntax {
    /// A part of an instruction's name that is neither its opcode, a type nor a shape; the raw
    /// value is its spelling. A part that is none of these is an error of the parser.
    ///
    /// Spellings that are not identifiers: `shared::cta` is `sharedCta`, `2d` is `dim2d`,
    /// `32x32b` is `shape32x32b`, `.NaN` (min, max) is `canonicalNaN`, `.nan` (setp) is `nan`.
    public enum Modifier: String, CaseIterable, Sendable {
        // State spaces and address windows.
        case global, const, shared, local, param, paramEntry = "param::entry"
        case paramFunc = "param::func", sharedCta = "shared::cta"
        case sharedCluster = "shared::cluster", reg, generic, to
        // Vectors and counts.
        case v2, v4, v8, x1, x2, x4, x8, x16, x32, x64, x128
        // Rounding.
        case rn, rz, rm, rp, rna, rs, rni, rzi, rmi, rpi, approx, full, ftz, noftz, sat
        case satfinite, relu
        // Integer variants.
        case lo, hi, wide, cc, shiftamt, clamp, wrap, l, r, shr7, shr15, po, scale, oob, pack
        case scaledN2Ue8m0 = "scaled::n2::ue8m0"
        // Comparison.
        case eq, ne, lt, le, gt, ge, ls, hs, equ, neu, ltu, leu, gtu, geu, num, nan
        case canonicalNaN = "NaN", xorsign, abs
        // Operations of set, atom, red, vote, video.
        case and, or, xor, popc, add, min, max, inc, dec, exch, cas, any, all, ballot, uni
        // Tests.
        case finite, infinite, number, notanumber, normal, subnormal
        // prmt and shfl modes.
        case f4e, b4e, rc8, ecl, ecr, rc16, up, down, bfly, idx
        // Cache operators, levels and hints.
        case ca, cg, cs, lu, cv, wb, wt, nc, l1 = "L1", l2 = "L2"
        case l1EvictNormal = "L1::evict_normal", l1EvictUnchanged = "L1::evict_unchanged"
        case l1EvictFirst = "L1::evict_first", l1EvictLast = "L1::evict_last"
        case l1NoAllocate = "L1::no_allocate", l2EvictNormal = "L2::evict_normal"
        case l2EvictFirst = "L2::evict_first", l2EvictLast = "L2::evict_last"
        case l2EvictUnchanged = "L2::evict_unchanged", l2CacheHint = "L2::cache_hint"
        case l264B = "L2::64B", l2128B = "L2::128B", l2256B = "L2::256B", fractional, range, cvt
        case evictLast = "evict_last", evictNormal = "evict_normal"
        // Memory model.
        case weak, volatile, relaxed, acquire, release, acqRel = "acq_rel", sc, mmio, cta
        case cluster, gpu, sys, gl, proxy, alias, async, asyncGlobal = "async::global"
        case asyncSharedCta = "async::shared::cta"
        case asyncSharedCluster = "async::shared::cluster", asyncGeneric = "async::generic"
        case unified, tensormap, tensormapGeneric = "tensormap::generic"
        case mbarrierInit = "mbarrier_init"
        case syncRestrictSharedCta = "sync_restrict::shared::cta"
        case syncRestrictSharedCluster = "sync_restrict::shared::cluster"
        case opRestrict = "op_restrict"
        // Barriers.
        case sync, aligned, arrive, red, warp, noComplete, mask, `init` = "init", inval
        case expectTx = "expect_tx", completeTx = "complete_tx", arriveDrop = "arrive_drop"
        case testWait = "test_wait", tryWait = "try_wait", pendingCount = "pending_count"
        case parity, phase, wait, launchDependents = "launch_dependents", noinc
        // Asynchronous copies.
        case bulk, commitGroup = "commit_group", waitGroup = "wait_group", waitAll = "wait_all"
        case mbarrier, bulkGroup = "bulk_group"
        case mbarrierCompleteTxBytes = "mbarrier::complete_tx::bytes"
        case mbarrierArriveOne = "mbarrier::arrive::one"
        case mbarrierCompleteTx = "mbarrier::complete_tx"
        case multicastCluster = "multicast::cluster"
        case multicastClusterAll = "multicast::cluster::all", reduce, prefetch, tensor, read
        case ignoreSrc = "ignore_src", ignoreOob = "ignore_oob", cpMask = "cp_mask", im2col
        case im2colW = "im2col::w", im2colW128 = "im2col::w::128"
        case im2colNoOffs = "im2col_no_offs", tile, tileGather4 = "tile::gather4"
        case tileScatter4 = "tile::scatter4", im2colNoOffsW = "im2col_no_offs::w"
        // tensormap fields.
        case replace, cpFenceproxy = "cp_fenceproxy", b1024, globalAddress = "global_address"
        case rank, boxDim = "box_dim", globalDim = "global_dim", globalStride = "global_stride"
        case elementStride = "element_stride", elemtype, interleaveLayout = "interleave_layout"
        case swizzleMode = "swizzle_mode", swizzleAtomicity = "swizzle_atomicity"
        case fillMode = "fill_mode"
        // Cluster launch control.
        case tryCancel = "try_cancel", queryCancel = "query_cancel", isCanceled = "is_canceled"
        case getFirstCtaid = "get_first_ctaid", getFirstCtaidX = "get_first_ctaid::x"
        case getFirstCtaidY = "get_first_ctaid::y", getFirstCtaidZ = "get_first_ctaid::z"
        // Multimem.
        case ldReduce = "ld_reduce", st, accF32 = "acc::f32", accF16 = "acc::f16"
        // Geometry and filtering of textures and surfaces.
        case dim1d = "1d", dim2d = "2d", dim3d = "3d", dim4d = "4d", dim5d = "5d", a1d, a2d
        case cube, acube, dim2dms = "2dms", a2dms, level, grad, base, zero, trap, b, p, g, a
        // Queries of textures and surfaces.
        case width, height, depth, channelDataType = "channel_data_type"
        case channelOrder = "channel_order", normalizedCoords = "normalized_coords"
        case arraySize = "array_size", numMipmapLevels = "num_mipmap_levels"
        case numSamples = "num_samples", filterMode = "filter_mode", addrMode0 = "addr_mode_0"
        case addrMode1 = "addr_mode_1", addrMode2 = "addr_mode_2"
        case forceUnnormalizedCoords = "force_unnormalized_coords"
        case memoryLayout = "memory_layout"
        // Matrices.
        case load, store, c, d, mma, mmaAsync = "mma_async", fence, row, col, trans, sp
        case spOrderedMetadata = "sp::ordered_metadata", blockScale = "block_scale"
        case scaleVec1X = "scale_vec::1X", scaleVec2X = "scale_vec::2X"
        case scaleVec4X = "scale_vec::4X", block16, block32, kindMxf8f6f4 = "kind::mxf8f6f4"
        case kindMxf4nvf4 = "kind::mxf4nvf4", kindMxf4 = "kind::mxf4"
        case kindF8f6f4 = "kind::f8f6f4", kindF16 = "kind::f16", kindTf32 = "kind::tf32"
        case kindI8 = "kind::i8"
        // Recent additions (ISA 9.1 and later).
        case multicastCluster32b = "multicast::cluster::32b"
        case phaseTypePrimary = "phase_type::primary"
        case phaseTypeConditional = "phase_type::conditional"
        case overrideGlobalAddress = "override::global_address"
        case overrideGlobalDim = "override::global_dim"
        case overrideGlobalDimStride = "override::global_dim_stride", exclusive
        case validAddr = "valid_addr", l132B = "L1::32B", assumeLarge = "assume_large"
        case checkLayout = "check_layout", layoutV0 = "layout::v0", layoutV1 = "layout::v1"
        case fabricFabric = "fabric::fabric", fabricGeneric = "fabric::generic"
        case genericFabric = "generic::fabric", syncRestrictRead = "sync_restrict::read"
        case syncRestrictProxyAsync = "sync_restrict::proxy::async"
        case syncRestrictSharedClusterRead = "sync_restrict::shared::cluster::read"
        case syncRestrictSharedReadMmaA = "sync_restrict::shared::read::mma::a", sp2 = "sp::2"
        // tcgen05.
        case alloc, dealloc, relinquishAllocPermit = "relinquish_alloc_permit", ld, commit, cp
        case shift, ws, fenceBeforeThreadSync = "fence::before_thread_sync"
        case fenceAfterThreadSync = "fence::after_thread_sync", ctaGroup1 = "cta_group::1"
        case ctaGroup2 = "cta_group::2", shape16x64b = "16x64b", shape16x128b = "16x128b"
        case shape16x256b = "16x256b", shape32x32b = "32x32b", shape16x32bx2 = "16x32bx2"
        case shape128x256b = "128x256b", shape4x256b = "4x256b", shape128x128b = "128x128b"
        case shape64x128b = "64x128b", shape32x128b = "32x128b", warpx20213 = "warpx2::02_13"
        case warpx20123 = "warpx2::01_23", warpx4, pack16b = "pack::16b"
        case unpack16b = "unpack::16b", collectorAFill = "collector::a::fill"
        case collectorAUse = "collector::a::use", collectorALastuse = "collector::a::lastuse"
        case collectorADiscard = "collector::a::discard"
        case collectorB0Fill = "collector::b0::fill", collectorB0Use = "collector::b0::use"
        case collectorB0Lastuse = "collector::b0::lastuse"
        case collectorB0Discard = "collector::b0::discard"
        case collectorB1Fill = "collector::b1::fill", collectorB1Use = "collector::b1::use"
        case collectorB1Lastuse = "collector::b1::lastuse"
        case collectorB1Discard = "collector::b1::discard"
        case collectorB2Fill = "collector::b2::fill", collectorB2Use = "collector::b2::use"
        case collectorB2Lastuse = "collector::b2::lastuse"
        case collectorB2Discard = "collector::b2::discard"
        case collectorB3Fill = "collector::b3::fill", collectorB3Use = "collector::b3::use"
        case collectorB3Lastuse = "collector::b3::lastuse"
        case collectorB3Discard = "collector::b3::discard", ashift, waitLd = "wait::ld"
        case waitSt = "wait::st", b8x16, spcompress
    }
}
