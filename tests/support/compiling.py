"""XLA's flags for programs that run for moments: their compilation is what takes time.

Without the newer emitters and LLVM's optimisations, it takes less than half of that.
"""

QUICK = " ".join(
    [
        "--xla_backend_optimization_level=0",
        "--xla_llvm_disable_expensive_passes=true",
        "--xla_cpu_use_fusion_emitters=false",
    ]
)
