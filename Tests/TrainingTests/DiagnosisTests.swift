import Testing

@testable import Training

@Suite struct DiagnosisTests {
  /// A rank of a job in good order: one rank per node of 8 cores.
  static func rank(_ rank: Int = 0, host: String? = nil, _ change: (inout RankFacts) -> Void = { _ in })
    -> RankFacts
  {
    var facts = RankFacts(
      rank: rank, host: host ?? "n\(rank + 1)", rondoVersion: "0.1.0",
      mpiVersion: "Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4", threadLevel: "multiple",
      blasVersion: "OpenBLAS 0.3.21 NO_AFFINITY DYNAMIC_ARCH Haswell MAX_THREADS=64", blasKernel: "Haswell",
      cpuModel: "CPU", hasAVX2: true, onlineCores: 8, allowedCores: Array(0..<8), threads: 8,
      threadsSource: "affinity mask", memoryBytes: 1 << 34, sharedMemoryFreeBytes: 1 << 33, isRoot: false,
      mpirun: .init(path: "/usr/bin/mpirun", version: "mpirun (Open MPI) 4.1.4"),
      environment: ["OMPI_MCA_orte_hnp_uri": "1.0;tcp://10.0.0.1:1"])
    change(&facts)
    return facts
  }

  /// The names of the checks that find something wrong, and all that they say.
  static func wrong(_ ranks: [RankFacts]) -> (checks: [String], text: String) {
    let diagnosis = Diagnosis(of: JobFacts(ranks: ranks))
    let wrong = diagnosis.findings.filter(\.isWrong)
    #expect(diagnosis.isHealthy == wrong.isEmpty)
    for finding in diagnosis.findings {
      #expect(!finding.problem.contains("\n") && !finding.remedy.contains("\n"))
      #expect(!finding.problem.isEmpty && !finding.remedy.isEmpty)
    }
    return (wrong.map(\.check), wrong.map { "\($0.problem)\n\($0.remedy)" }.joined(separator: "\n"))
  }

  @Test(arguments: [1, 2, 4, 64])
  func aJobOfOneRankPerNodeInGoodOrderHasNoFindings(size: Int) {
    #expect(Diagnosis(of: JobFacts(ranks: (0..<size).map { Self.rank($0) })).findings == [])
  }

  @Test func fourRanksOfTwoCoresEachAreInGoodOrder() {
    let ranks = (0..<4).map { index in
      Self.rank(index, host: "n1") {
        $0.allowedCores = [2 * index, 2 * index + 1]
        $0.threads = 2
      }
    }
    #expect(Self.wrong(ranks).checks == [])
    let unbound = (0..<4).map { Self.rank($0, host: "n1") { $0.threads = 2 } }
    #expect(Self.wrong(unbound).checks == [])
  }

  @Test func ranksOfAHostThatDoNotFollowEachOtherAreNoted() {
    func found(_ hosts: [String]) -> [Diagnosis.Finding] {
      let ranks = hosts.enumerated().map { Self.rank($0, host: $1) { $0.threads = 2 } }
      return Diagnosis(of: JobFacts(ranks: ranks)).findings
    }
    #expect(
      found(["n1", "n1", "n2", "n2"]) == [] && found(["n1", "n1"]) == [] && found(["n1", "n2"]) == [])
    #expect(found(["n1", "n1", "n2"]) == [])
    for hosts in [["n1", "n2", "n1", "n2"], ["n1", "n2", "n1"]] {
      let notes = found(hosts)
      #expect(notes.map(\.check) == ["rank-blocks"] && !notes[0].isWrong)
      #expect(notes[0].remedy.contains("--map-by slot"))
    }
  }

  @Test func oneCoreOfManyNamesTheOptionOfTheLauncher() {
    let bind = { (rank: inout RankFacts) in
      rank.allowedCores = [3]
      rank.threads = 1
    }
    let alone = Self.wrong([Self.rank(0, bind), Self.rank(1, bind)])
    #expect(alone.checks == ["one-core"])
    #expect(alone.text.contains("rank 0 on n1 (and 1 other rank) may use 1 of the node's 8 cores"))
    #expect(alone.text.contains("mpirun --bind-to none"))
    let pair = Self.wrong([
      Self.rank(0, host: "n1", bind),
      Self.rank(1, host: "n1") {
        bind(&$0)
        $0.allowedCores = [4]
      },
    ])
    #expect(pair.text.contains("--map-by slot:PE=4"))
    let slurm = Self.wrong([
      Self.rank {
        bind(&$0)
        $0.environment = ["SLURM_STEP_ID": "0", "SLURM_SRUN_COMM_HOST": "10.0.0.1", "SLURM_NTASKS": "1"]
      }
    ])
    #expect(slurm.text.contains("srun --cpus-per-task=8"))
    let full = (0..<8).map { index in
      Self.rank(index, host: "n1") {
        bind(&$0)
        $0.allowedCores = [index]
      }
    }
    #expect(Self.wrong(full).checks == [])
  }

  @Test func ranksBoundToTheSameCoresAreNamed() {
    let ranks = (0..<2).map { index in
      Self.rank(index, host: "n1") {
        $0.allowedCores = [0, 1]
        $0.threads = 2
      }
    }
    let (checks, text) = Self.wrong(ranks)
    #expect(checks == ["overlapping-binding"])
    #expect(text.contains("ranks 0 and 1 on n1 share 2 cores (0-1) for 4 threads"))
    #expect(text.contains("--map-by slot:PE=4"))
  }

  @Test func moreThreadsThanCoresOnANodeAreNamed() {
    let (checks, text) = Self.wrong((0..<2).map { Self.rank($0, host: "n1") })
    #expect(checks == ["oversubscription"])
    #expect(text.contains("2 ranks with 16 threads in all run on n1, which has 8 cores"))
    #expect(text.contains("--threads 4"))
    let crowd = Self.wrong((0..<9).map { Self.rank($0, host: "n1") { $0.threads = 1 } })
    #expect(crowd.checks == ["oversubscription"])
    #expect(crowd.text.contains("start at most 8 ranks"))
  }

  @Test func moreThreadsThanTheMaskAllowsAreNamed() {
    let (checks, text) = Self.wrong([
      Self.rank {
        $0.allowedCores = [0, 1]
        $0.threadsSource = "OMP_NUM_THREADS"
        $0.environment["OMP_NUM_THREADS"] = "8"
      }
    ])
    #expect(checks == ["threads"])
    #expect(text.contains("rank 0 on n1 would start 8 threads (OMP_NUM_THREADS) on 2 cores"))
  }

  @Test func aVariableThatIsNoNumberIsNamed() {
    let (checks, text) = Self.wrong([Self.rank { $0.threadsProblem = "OMP_NUM_THREADS is \"many\"" }])
    #expect(checks == ["threads-unknown"])
    #expect(text.contains("rank 0 on n1: OMP_NUM_THREADS is \"many\""))
  }

  @Test func variablesThatSayDifferentThingsAreNamed() {
    let (checks, text) = Self.wrong([
      Self.rank {
        $0.environment["OMP_NUM_THREADS"] = "1"
        $0.environment["SLURM_CPUS_PER_TASK"] = "8"
        $0.environment["SLURM_NTASKS"] = "1"
        $0.threads = 1
        $0.threadsSource = "OMP_NUM_THREADS"
      }
    ])
    #expect(checks == ["thread-variables", "idle-cores"])
    #expect(text.contains("OMP_NUM_THREADS is 1 but SLURM_CPUS_PER_TASK is 8"))
    #expect(text.contains("--threads 8"))
  }

  @Test func differentVersionsAreNamedWithTheirHosts() {
    let rondo = Self.wrong([Self.rank(0), Self.rank(1) { $0.rondoVersion = "0.2.0" }])
    #expect(rondo.checks == ["rondo-versions"])
    #expect(rondo.text.contains("0.1.0 on n1, 0.2.0 on n2"))
    let mpi = Self.wrong([Self.rank(0), Self.rank(1) { $0.mpiVersion = "Open MPI v4.1.6, package: x" }])
    #expect(mpi.checks == ["mpi-versions"])
    let blas = Self.wrong([Self.rank(0), Self.rank(1) { $0.blasVersion = "OpenBLAS 0.3.26 Haswell" }])
    #expect(blas.checks == ["blas-versions"])
    let kernel = Self.wrong([
      Self.rank(0),
      Self.rank(1) {
        $0.blasKernel = "SkylakeX"
        $0.blasVersion = "OpenBLAS 0.3.21 NO_AFFINITY DYNAMIC_ARCH SkylakeX MAX_THREADS=64"
      },
    ])
    #expect(kernel.checks == ["mixed-kernels"])
    #expect(kernel.text.contains("Haswell on n1 and SkylakeX on n2"))
  }

  @Test(arguments: ["single", "funneled", "serialized"])
  func aThreadLevelBelowMultipleIsNamed(level: String) {
    let (checks, text) = Self.wrong([Self.rank(0), Self.rank(1) { $0.threadLevel = level }])
    #expect(checks == ["thread-level"])
    #expect(text.contains("\(level) on rank 1 on n2"))
  }

  @Test func otherBuildsOfOpenBLASAreNamed() {
    let openMP = Self.wrong([Self.rank { $0.blasVersion += " USE_OPENMP" }])
    #expect(openMP.checks == ["blas-openmp"])
    let serial = Self.wrong([Self.rank { $0.blasVersion += " SINGLE_THREADED" }])
    #expect(serial.checks == ["blas-serial"])
    #expect(serial.text.contains("libopenblas0-pthread"))
  }

  @Test func anOldKernelOnANewProcessorIsNamed() {
    let old = Self.wrong([Self.rank { $0.blasKernel = "Prescott" }])
    #expect(old.checks == ["blas-kernel"])
    #expect(old.text.contains("DYNAMIC_ARCH"))
    let forced = Self.wrong([
      Self.rank {
        $0.blasKernel = "Nehalem"
        $0.environment["OPENBLAS_CORETYPE"] = "Nehalem"
      }
    ])
    #expect(forced.text.contains("unset OPENBLAS_CORETYPE, which is Nehalem"))
    let oldProcessor = Self.rank {
      $0.blasKernel = "Nehalem"
      $0.hasAVX2 = false
    }
    #expect(Self.wrong([oldProcessor]).checks == [])
  }

  @Test func rootNeedsBothVariables() {
    let root = { (environment: [String: String]) in
      Self.rank {
        $0.isRoot = true
        $0.environment = environment
      }
    }
    #expect(Self.wrong([root([:])]).checks == ["root"])
    #expect(Self.wrong([root(["OMPI_ALLOW_RUN_AS_ROOT": "1"])]).checks == ["root"])
    let both = ["OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"]
    #expect(Self.wrong([root(both)]).checks == [])
    #expect(Self.wrong([root(["OMPI_MCA_orte_hnp_uri": "x"])]).checks == [], "mpirun --allow-run-as-root")
  }

  @Test func mpirunHasToBeOpenMPIsOwn() {
    #expect(Self.wrong([Self.rank { $0.mpirun = nil }]).checks == ["mpirun-missing"])
    let hydra = Self.wrong([
      Self.rank { $0.mpirun = .init(path: "/opt/mpich/bin/mpirun", version: "HYDRA build") }
    ])
    #expect(hydra.checks == ["mpirun-foreign"])
    #expect(hydra.text.contains("/opt/mpich/bin/mpirun"))
    let newer = Self.wrong([Self.rank { $0.mpirun?.version = "mpirun (Open MPI) 5.0.3" }])
    #expect(newer.checks == ["mpirun-version"])
    #expect(newer.text.contains("is Open MPI 5.0.3, the MPI library is 4.1.4"))
  }

  @Test func srunWithoutPMIxIsAJobOfOneRankForEachTask() {
    let environment = ["SLURM_STEP_ID": "0", "SLURM_SRUN_COMM_HOST": "10.0.0.1", "SLURM_NTASKS": "4"]
    let (checks, text) = Self.wrong([Self.rank { $0.environment = environment }])
    #expect(checks == ["srun-without-pmix"])
    #expect(text.contains("srun started 4 tasks"))
    #expect(text.contains("srun --mpi=pmix"))
    let joined = (0..<4).map { Self.rank($0) { $0.environment = environment } }
    #expect(Self.wrong(joined).checks == [])
    // A batch script that runs rondo without a launcher has the count of tasks, but no step.
    let batch = Self.rank { $0.environment = ["SLURM_NTASKS": "4", "SLURM_PROCID": "0"] }
    #expect(Self.wrong([batch]).checks == [])
  }

  @Test func mpirunInAnAllocationThatItDoesNotFillIsNamed() {
    let allocation = ["OMPI_MCA_orte_hnp_uri": "x", "SLURM_NTASKS": "4", "SLURM_JOB_NUM_NODES": "4"]
    let fewer = Self.wrong((0..<2).map { Self.rank($0) { $0.environment = allocation } })
    #expect(fewer.checks == ["slurm-tasks"])
    #expect(fewer.text.contains("for 4 tasks, mpirun started 2 ranks"))
    let heaped = Self.wrong(
      (0..<4).map { index in
        Self.rank(index, host: "n1") {
          $0.environment = allocation
          $0.threads = 2
        }
      })
    #expect(heaped.checks == ["slurm-nodes"])
    #expect(heaped.text.contains("--map-by ppr:1:node"))
  }

  /// Seen on a job of four nodes: ranks 0, 1, 2, 3 had SLURM_PROCID 0, 0, 1, 2.
  @Test func slurmsRankUnderMpirunIsANoteAndNotAFault() {
    let ranks = zip(0..<4, ["0", "0", "1", "2"]).map { index, process in
      Self.rank(index) { $0.environment["SLURM_PROCID"] = process }
    }
    let diagnosis = Diagnosis(of: JobFacts(ranks: ranks))
    #expect(diagnosis.isHealthy)
    #expect(diagnosis.findings.map(\.check) == ["slurm-procid"])
    #expect(
      diagnosis.findings.first?.problem.hasPrefix("SLURM_PROCID is 0 on rank 1 on n2 (and 2 other ranks)")
        == true)
  }

  @Test func littleSharedMemoryIsNamed() {
    let small = Self.wrong(
      (0..<2).map { index in
        Self.rank(index, host: "n1") {
          $0.sharedMemoryFreeBytes = 64_000_000
          $0.threads = 4
        }
      })
    #expect(small.checks == ["shared-memory"])
    #expect(small.text.contains("/dev/shm on n1 has 64 MB free; 2 ranks may need 128 MB"))
    #expect(Self.wrong([Self.rank { $0.sharedMemoryFreeBytes = nil }]).checks == ["shared-memory-missing"])
  }

  @Test func coresAreWrittenAsRanges() {
    #expect(Diagnosis.ranges([]) == "")
    #expect(Diagnosis.ranges([3]) == "3")
    #expect(Diagnosis.ranges([0, 1, 2, 3, 8, 10, 11]) == "0-3,8,10-11")
  }

  @Test func versionsAreFoundInText() {
    #expect(Diagnosis.version(in: "mpirun (Open MPI) 4.1.4") == "4.1.4")
    #expect(Diagnosis.version(in: "Open MPI v5.0.3rc2, package: x") == "5.0.3")
    #expect(Diagnosis.version(in: "none") == nil)
  }
}
