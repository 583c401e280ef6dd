// Which libraries the ranks found.
extension Diagnosis {
  static let versions: Check = { job in
    [
      mixed("rondo-versions", "versions of rondo", job) { $0.rondoVersion },
      mixed("mpi-versions", "MPI libraries", job) { rank in
        rank.mpiVersion.split(separator: ",").first.map(String.init) ?? rank.mpiVersion
      },
      mixed("blas-versions", "builds of OpenBLAS", job) { rank in
        // The name of the kernel is among the build options; it has a check of its own.
        rank.blasVersion.split(separator: " ").filter { $0 != rank.blasKernel }.joined(separator: " ")
      },
    ].compactMap(\.self)
  }

  private static func mixed(
    _ check: String, _ what: String, _ job: JobFacts, _ value: (RankFacts) -> String
  ) -> Finding? {
    guard let other = job.ranks.first(where: { value($0) != value(job.first) }) else { return nil }
    return .wrong(
      check,
      "the ranks run different \(what): \(value(job.first)) on \(job.first.host), \(value(other)) on \(other.host)",
      remedy:
        "install the same on all nodes, and check PATH and LD_LIBRARY_PATH there: a login shell may change them"
    )
  }

  static let threadLevel: Check = { job in
    let affected = job.ranks.filter { $0.threadLevel != "multiple" }
    guard let first = affected.first else { return [] }
    return [
      .wrong(
        "thread-level",
        "MPI grants the thread level \(first.threadLevel) on \(JobFacts.name(affected)): gradients cannot travel while "
          + "backward runs",
        remedy:
          "use an Open MPI with MPI_THREAD_MULTIPLE (ompi_info | grep 'Thread support' shows it; Debian's has it)"
      )
    ]
  }

  static let blasBuild: Check = { job in
    let openMP = job.ranks.filter { $0.blasVersion.contains("USE_OPENMP") }
    let serial = job.ranks.filter { $0.blasVersion.contains("SINGLE_THREADED") }
    let remedy =
      "use OpenBLAS's build for POSIX threads (Debian: apt-get install libopenblas0-pthread, then "
      + "update-alternatives --config libopenblas.so.0-$(uname -m)-linux-gnu)"
    var findings: [Finding] = []
    if !openMP.isEmpty {
      findings.append(
        .wrong(
          "blas-openmp",
          "OpenBLAS is built for OpenMP on \(JobFacts.name(openMP)): its threads and rondo's get in each other's way",
          remedy: remedy))
    }
    if !serial.isEmpty {
      findings.append(
        .wrong(
          "blas-serial",
          "OpenBLAS is built for one thread on \(JobFacts.name(serial)): calls from several threads may collide",
          remedy: remedy))
    }
    return findings
  }

  /// Kernels of processors before AVX2, in lower case.
  private static let oldKernels: Set = [
    "generic", "prescott", "core2", "penryn", "dunnington", "nehalem", "sandybridge", "atom", "nano",
    "athlon",
    "opteron", "opteron_sse3", "barcelona", "bobcat", "bulldozer", "piledriver", "steamroller",
  ]

  static let blasKernel: Check = { job in
    let affected = job.ranks.filter { $0.hasAVX2 && oldKernels.contains($0.blasKernel.lowercased()) }
    guard let first = affected.first else { return [] }
    let forced = first.environment["OPENBLAS_CORETYPE"]
    return [
      .wrong(
        "blas-kernel",
        "OpenBLAS uses its kernel \(first.blasKernel) on \(JobFacts.name(affected)), though the processor has AVX2: "
          + "products take several times as long",
        remedy: forced.map { "unset OPENBLAS_CORETYPE, which is \($0)" }
          ?? "install a newer OpenBLAS built with DYNAMIC_ARCH, or export OPENBLAS_CORETYPE=Haswell")
    ]
  }

  static let mixedKernels: Check = { job in
    guard let other = job.ranks.first(where: { $0.blasKernel != job.first.blasKernel }) else { return [] }
    return [
      .wrong(
        "mixed-kernels",
        "OpenBLAS uses the kernel \(job.first.blasKernel) on \(job.first.host) and \(other.blasKernel) on \(other.host): "
          + "the bits of the weights depend on which node computes what",
        remedy: "use nodes of one kind, or export OPENBLAS_CORETYPE with one name that all of them have")
    ]
  }
}
