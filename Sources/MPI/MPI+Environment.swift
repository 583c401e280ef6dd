import COpenMPI

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension MPI {
  /// The thread level that the library granted.
  ///
  /// MPI: MPI_Query_thread, MPI 3.1 section 12.4.3.
  public static var threadLevel: ThreadLevel {
    get throws(MPIError) {
      var level: Int32 = 0
      try check(MPI_Query_thread(&level), "MPI_Query_thread")
      return ThreadLevel(handle: level)
    }
  }

  /// Seconds since some moment in the past, the same for all calls of this process. For intervals: ranks need
  /// not agree.
  ///
  /// MPI: MPI_Wtime, MPI 3.1 section 8.6.
  public static func wallTime() -> Double { MPI_Wtime() }

  /// Seconds between ticks of `wallTime`.
  ///
  /// MPI: MPI_Wtick, MPI 3.1 section 8.6.
  public static var wallTimeResolution: Double { MPI_Wtick() }

  /// The name of the machine this rank runs on.
  ///
  /// MPI: MPI_Get_processor_name, MPI 3.1 section 8.1.2.
  public static var processorName: String {
    MPIError.string(capacity: Int(MPI_MAX_PROCESSOR_NAME)) { MPI_Get_processor_name($0, $1) } ?? "unknown"
  }

  /// What is free of /dev/shm, where the library keeps shared windows, in bytes; nil where there is none.
  package static var freeSharedMemoryBytes: Int? {
    var status = statvfs()
    guard statvfs("/dev/shm", &status) == 0 else { return nil }
    return Int(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
  }

  /// The library and its version, such as `Open MPI v4.1.4, ...`. May be asked before `MPI.run`.
  ///
  /// MPI: MPI_Get_library_version, MPI 3.1 section 8.1.1.
  public static var libraryVersion: String {
    MPIError.string(capacity: Int(MPI_MAX_LIBRARY_VERSION_STRING)) { MPI_Get_library_version($0, $1) }
      ?? "unknown"
  }

  /// The version of the standard that the library implements, such as 3.1.
  ///
  /// MPI: MPI_Get_version, MPI 3.1 section 8.1.1.
  public static var standardVersion: (major: Int, minor: Int) {
    get throws(MPIError) {
      var major: Int32 = 0
      var minor: Int32 = 0
      try check(MPI_Get_version(&major, &minor), "MPI_Get_version")
      return (Int(major), Int(minor))
    }
  }

  /// True between `MPI_Init` and `MPI_Finalize`. MPI: MPI_Initialized, MPI_Finalized, MPI 3.1 section 8.7.
  public static var isRunning: Bool { wasInitialised && !wasFinalised }

  static var wasInitialised: Bool { flag(MPI_Initialized) }
  static var wasFinalised: Bool { flag(MPI_Finalized) }

  /// These two queries may be made at any time and define no errors; a failure reads as "no".
  private static func flag(_ query: (UnsafeMutablePointer<Int32>) -> Int32) -> Bool {
    var value: Int32 = 0
    return query(&value) == MPI_SUCCESS && value != 0
  }

  /// This process's rank in the world; nil when MPI is not running. The rank that messages name.
  package static var worldRank: Int? {
    guard isRunning else { return nil }
    var rank: Int32 = 0
    return MPI_Comm_rank(rondo_mpi_comm_world(), &rank) == MPI_SUCCESS ? Int(rank) : nil
  }
}
