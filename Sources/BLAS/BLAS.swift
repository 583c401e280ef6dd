import COpenBLAS

/// Dense linear algebra by OpenBLAS on the threads of a ``ThreadPool``. Matrices are row-major, vectors contiguous.
///
/// OpenBLAS itself stays on the thread that calls it. Every operation is cut into tiles by its shape alone and the
/// pool's threads take the tiles, so the result has the same bits with any number of threads on one kind of CPU kernel
/// (``kernelName``).
public enum BLAS {
  /// Version and build options of the OpenBLAS in use, as it reports them: `OpenBLAS 0.3.21 DYNAMIC_ARCH ...`.
  public static var libraryVersion: String { String(cString: openblas_get_config()) }

  /// The kernel that OpenBLAS chose for this CPU, `Cooperlake` for example. Other kernels give other bits.
  public static var kernelName: String { String(cString: openblas_get_corename()) }

  /// The largest size, distance between rows, or length of a tile that OpenBLAS's integers hold.
  public static var largestSize: Int { Int(blasint.max) }

  /// Makes OpenBLAS single-threaded, once, before the first product. Reading it costs a load and a branch.
  static let singleThreaded: Void = openblas_set_num_threads(1)
}
