extension Syntax {
    /// A predefined read-only register.
    public struct SpecialRegister: Hashable, Sendable {
        /// Which; the raw value is the spelling without `%` and without number or component.
        public enum Kind: String, CaseIterable, Sendable {
            case tid, ntid, ctaid, nctaid, laneid, warpid, nwarpid, smid, nsmid, gridid
            case clusterid, nclusterid
            case clusterCtaid = "cluster_ctaid"
            case clusterNctaid = "cluster_nctaid"
            case clusterCtarank = "cluster_ctarank"
            case clusterNctarank = "cluster_nctarank"
            case isExplicitCluster = "is_explicit_cluster"
            case lanemaskEq = "lanemask_eq"
            case lanemaskLe = "lanemask_le"
            case lanemaskLt = "lanemask_lt"
            case lanemaskGe = "lanemask_ge"
            case lanemaskGt = "lanemask_gt"
            case clock, clock64
            case clockHi = "clock_hi"
            case globaltimer
            case globaltimerLo = "globaltimer_lo"
            case globaltimerHi = "globaltimer_hi"
            /// `%pm0`…`%pm7`
            case pm
            /// `%pm0_64`…`%pm7_64`
            case pm64
            /// `%envreg0`…`%envreg31`
            case envreg
            case totalSmemSize = "total_smem_size"
            case aggrSmemSize = "aggr_smem_size"
            case dynamicSmemSize = "dynamic_smem_size"
            case reservedSmemOffsetBegin = "reserved_smem_offset_begin"
            case reservedSmemOffsetEnd = "reserved_smem_offset_end"
            case reservedSmemOffsetCap = "reserved_smem_offset_cap"
            /// `%reserved_smem_offset_0`, `_1`
            case reservedSmemOffset = "reserved_smem_offset"
            case currentGraphExec = "current_graph_exec"
        }

        /// Which.
        public let kind: Kind
        /// The component 0–3 of `.x .y .z .w`, the number of `envreg` or `pm`; 0 for the rest.
        public let index: UInt8
        /// Whether a vector register is named whole (`%tid` without component).
        public let isVector: Bool

        /// A special register.
        public init(kind: Kind, index: UInt8, isVector: Bool = false) {
            self.kind = kind
            self.index = index
            self.isVector = isVector
        }
    }
}
