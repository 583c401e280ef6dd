import COpenBLAS

extension BLAS {
  /// For benchmarks only: runs `body` with OpenBLAS's own threads switched on, and off again after it. Nothing else may use
  /// this module meanwhile. OpenBLAS's threads spin for about 0.1 s after their last product.
  package static func withOpenBLASThreads<Result>(_ threads: Int, _ body: () -> Result) -> Result {
    singleThreaded
    openblas_set_num_threads(Int32(threads))
    defer { openblas_set_num_threads(1) }
    return body()
  }

  /// For benchmarks only: `C = op(A) op(B)` without gaps between rows, in one call of OpenBLAS.
  package static func gemmInOneCall(
    transposeA: Bool, transposeB: Bool, m: Int, n: Int, k: Int, a: UnsafePointer<Float>,
    b: UnsafePointer<Float>, c: UnsafeMutablePointer<Float>
  ) {
    Float._gemm(
      transposeA, transposeB, m, n, k, 1, a, transposeA ? m : k, b, transposeB ? k : n, 0, c, n)
  }
}
