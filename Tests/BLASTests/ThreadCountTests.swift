import Testing

@testable import BLAS

@Suite struct ThreadCountTests {
  private let sixteen = CPUAffinity(allowed: Array(0..<16), online: 16)

  private func resolve(
    _ option: Int? = nil, _ environment: [String: String] = [:], sharing: Int = 1
  ) throws -> ThreadCount {
    try ThreadCount.resolve(
      option: option, environment: environment, affinity: sixteen, ranksSharing: sharing)
  }

  @Test("--threads goes before OMP_NUM_THREADS, that before SLURM_CPUS_PER_TASK, that before the mask")
  func order() throws {
    let all = ["OMP_NUM_THREADS": "4", "SLURM_CPUS_PER_TASK": "8"]
    #expect(try resolve(2, all) == ThreadCount(count: 2, source: .option, warnings: []))
    #expect(try resolve(nil, all).source == .environment("OMP_NUM_THREADS"))
    #expect(try resolve(nil, all).count == 4)
    #expect(try resolve(nil, ["SLURM_CPUS_PER_TASK": "8"]).count == 8)
    #expect(try resolve(nil, ["OMP_NUM_THREADS": ""]).count == 16)
    #expect(try resolve().source == .affinity(cores: 16, ranks: 1))
  }

  @Test("the first number of OMP_NUM_THREADS counts")
  func nested() throws {
    #expect(try resolve(nil, ["OMP_NUM_THREADS": " 6, 2"]).count == 6)
  }

  @Test("ranks that share a mask share its cores, and each has one thread at least")
  func sharing() throws {
    #expect(try resolve(sharing: 3).count == 5)
    #expect(try resolve(sharing: 4).warnings.isEmpty)
    let crowded = try resolve(sharing: 40)
    #expect(crowded.count == 1)
    #expect(crowded.warnings.count == 1)
  }

  @Test(
    "a value that is no number of threads is an error that names its source",
    arguments: ["abc", "0", "-1", "1e9", "99999"])
  func invalid(value: String) {
    for name in ["OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"] {
      let error = #expect(throws: ThreadCountError.self) { try resolve(nil, [name: value]) }
      #expect(error?.description.hasPrefix("\(name): expected 1 to 4096 threads, found '\(value)'") == true)
    }
  }

  @Test("--threads 0 is an error; a variable that does not decide is not read")
  func invalidOption() throws {
    #expect(throws: ThreadCountError(source: .option, found: "0")) { try resolve(0) }
    #expect(try resolve(3, ["OMP_NUM_THREADS": "abc"]).count == 3)
  }

  @Test("a mask of one core on a node of many warns and names the mpirun options")
  func oneCore() throws {
    let one = CPUAffinity(allowed: [5], online: 64)
    let bound = try ThreadCount.resolve(environment: [:], affinity: one)
    #expect(bound.count == 1)
    #expect(bound.warnings.first?.contains("--bind-to none") == true)
    #expect(bound.warnings.first?.contains("--map-by slot:PE=N") == true)
    let full = try ThreadCount.resolve(environment: [:], affinity: one, ranksOnNode: 64)
    #expect(full.warnings.isEmpty)
    let laptop = CPUAffinity(allowed: [0], online: 1)
    #expect(try ThreadCount.resolve(environment: [:], affinity: laptop).warnings.isEmpty)
  }

  @Test("more threads than cores warns")
  func oversubscribed() throws {
    #expect(try resolve(32).warnings.count == 1)
    #expect(try resolve(8, sharing: 2).warnings.isEmpty)
    #expect(try resolve(9, sharing: 2).warnings.count == 1)
  }

  @Test("this process may use at least one core, and no more than are online")
  func current() {
    let affinity = CPUAffinity.current
    #expect(affinity.allowed.count >= 1)
    #expect(affinity.online >= affinity.allowed.count)
    #expect(affinity.allowed == affinity.allowed.sorted())
  }

  @Test("the library says what it is")
  func library() {
    #expect(BLAS.libraryVersion.contains("OpenBLAS"))
    #expect(!BLAS.kernelName.isEmpty)
  }
}
