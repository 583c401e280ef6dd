import Datasets
import Foundation
import Testing

@testable import Training

@Suite struct RunDirectoryTests {
  private let path = FileManager.default.temporaryDirectory.path + "/rondo-test-\(UUID().uuidString)"
  private let configuration = Configuration(
    name: "digits", model: .init(kind: .mlp, hidden: [8]), data: .init(source: .digits),
    training: .init(steps: 4))

  private func open(waiting seconds: Int = 0) throws -> RunDirectory {
    try RunDirectory(path, configuration: configuration, resumes: true, waiting: seconds)
  }

  /// As when a queue starts a job twice: with two writers, lines of metrics and checkpoints of one would be lost to the other.
  @Test func aDirectoryInWhichAnotherTrainsIsLeftAsItIs() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    var first: RunDirectory? = try open()
    let identity = try RunIdentity(directory: path)
    let failure = #expect(throws: RunDirectoryError.self) { try open() }
    #expect(
      failure?.description
        == "\(path): another process trains the run there; end it first, or choose another --output")
    #expect(failure?.exitStatus == 1)
    #expect(try RunIdentity(directory: path) == identity)
    #expect(first?.isResumed == false)
    first = nil
    #expect(try open().identity.restarts == 1)
  }

  /// Two directories of one name for their memory would take it from each other.
  @Test func aCopyOfADirectoryIsARunOfItsOwn() throws {
    let (other, link) = (path + "-other", path + "-link")
    defer { for path in [path, other, link] { try? FileManager.default.removeItem(atPath: path) } }
    let identity = try open().identity
    try FileManager.default.copyItem(atPath: path, toPath: other)
    let copy = try RunDirectory(other, configuration: configuration, resumes: true, waiting: 0).identity
    #expect(copy.id != identity.id && copy.restarts == 1)
    // The same directory by another name, and one that was moved, are the run that was there.
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
    let linked = try RunDirectory(link, configuration: configuration, resumes: true, waiting: 0).identity
    #expect(linked.id == identity.id && linked.directory == identity.directory)
    try FileManager.default.removeItem(atPath: other)
    try FileManager.default.moveItem(atPath: path, toPath: other)
    let moved = try RunDirectory(other, configuration: configuration, resumes: true, waiting: 0).identity
    #expect(moved.id == identity.id && moved.restarts == 2)
    #expect(try RunIdentity(directory: other)?.directory == moved.directory)
  }

  @Test func anotherMetricForTheBestCheckpointIsAnotherRun() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    func start(_ best: Metric?) throws {
      var configuration = configuration
      configuration.checkpoint.best = best
      _ = try RunDirectory(path, configuration: configuration, resumes: true, waiting: 0)
    }
    for best in [nil, Metric.f1, .f1, nil, .accuracy] { try start(best) }
    let failure = #expect(throws: RunDirectoryError.self) { try start(.loss) }
    #expect(
      failure?.problem.contains("begun with checkpoint.best: \"accuracy\", and this is \"loss\"") == true)
  }

  @Test func aJobThatIsBeingEndedIsWaitedFor() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    _ = try open()
    let descriptor = Foundation.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    try #require(flock(descriptor, LOCK_EX) == 0)
    Thread {
      usleep(300_000)
      close(descriptor)
    }.start()
    #expect(try open(waiting: 10).isResumed)
  }

  /// What a start that fails takes back may be what another job waits for: with the lock of a directory that is gone, two would train in a new
  /// one of its name.
  @Test func aLockOnADirectoryThatIsGoneIsNone() throws {
    let path = path
    defer { try? FileManager.default.removeItem(atPath: path) }
    for isMadeAgain in [false, true] {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      let failure = #expect(throws: RunDirectoryError.self) {
        try RunLock(path, waiting: 0) { descriptor in
          rmdir(path)
          if isMadeAgain { mkdir(path, 0o700) }
          return flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno
        }
      }
      #expect(
        failure?.description == "\(path): another process has removed it meanwhile; give the command again")
    }
    #expect(try RunLock(path, waiting: 0).fault == nil)
  }

  /// As on NFS: the run goes on, and says that nothing keeps another from it.
  @Test(arguments: [ENOLCK, EBADF, EOPNOTSUPP]) func aFileSystemWithoutLocksCostsALine(code: Int32) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let lock = try RunLock(path, waiting: 0) { _ in code }
    #expect(
      lock.fault
        == "\(path): cannot be locked (\(String(cString: strerror(code)))), as on NFS: see to it that no second job trains the same run"
    )
    #expect(try RunLock(path, waiting: 0).fault == nil)
    var answers = [EWOULDBLOCK, EWOULDBLOCK, code]
    #expect(
      try RunLock(path, waiting: 1) { _ in answers.removeFirst() }.fault == lock.fault && answers.isEmpty)
  }

  @Test func whatTheSystemRefusesIsNamed() throws {
    let failure = #expect(throws: RunDirectoryError.self) {
      try RunDirectory("/proc/rondo", configuration: configuration)
    }
    #expect(
      failure?.description
        == "/proc/rondo: cannot write the run directory (No such file or directory); choose another --output")
    let reading = #expect(throws: ConfigurationError.self) { try Configuration(contentsOf: "/") }
    #expect(reading?.description.contains("Is a directory") == true, "\(String(describing: reading))")
  }

  /// Training goes on, so what it comes to has to have a place.
  @Test(arguments: ["removed", "moved", "emptied", "made again by a checkpoint", "replaced by a copy"])
  func aDirectoryThatIsGoneIsMadeAgain(how: String) throws {
    defer { for name in [path, path + "-moved"] { try? FileManager.default.removeItem(atPath: name) } }
    let directory = try open()
    try directory.write(Preprocessing(of: try configuration.loadData()))
    try directory.openMetrics(TrainingProgress())
    try directory.append("{\"step\":1}")
    let names = [
      RunFiles.configurationName, RunFiles.preprocessingName, RunIdentity.file, MetricsFile.name,
    ]
    let before = names.map { FileManager.default.contents(atPath: "\(path)/\($0)") }
    switch how {
    case "removed": try FileManager.default.removeItem(atPath: path)
    case "replaced by a copy":
      try FileManager.default.copyItem(atPath: path, toPath: path + "-copy")
      try FileManager.default.moveItem(atPath: path, toPath: path + "-moved")
      try FileManager.default.moveItem(atPath: path + "-copy", toPath: path)
    case "moved": try FileManager.default.moveItem(atPath: path, toPath: path + "-moved")
    case "emptied": for name in names { try FileManager.default.removeItem(atPath: "\(path)/\(name)") }
    default:
      try FileManager.default.removeItem(atPath: path)
      try FileManager.default.createDirectory(
        atPath: path + "/checkpoints", withIntermediateDirectories: true)
    }
    try directory.append("{\"step\":2}")
    try directory.append("{\"step\":3}")
    let added = Data("{\"step\":2}\n{\"step\":3}\n".utf8)
    for (name, content) in zip(names, before) {
      let expected = name == MetricsFile.name ? content.map { $0 + added } : content
      #expect(FileManager.default.contents(atPath: "\(path)/\(name)") == expected, "\(name)")
    }
    // And it is held as before.
    #expect(throws: RunDirectoryError.self) { try open() }
  }

  @Test func aDirectoryThatAnotherRunHasTakenIsLeftToIt() throws {
    defer { for name in [path, path + "-moved"] { try? FileManager.default.removeItem(atPath: name) } }
    let directory = try open()
    try directory.openMetrics(TrainingProgress())
    try FileManager.default.moveItem(atPath: path, toPath: path + "-moved")
    var other: RunDirectory? = try open()
    try other?.openMetrics(TrainingProgress())
    #expect(try failure { try directory.check() }.contains("another process trains the run there"))
    #expect(try failure { try directory.append("{}") }.contains("another process trains the run there"))
    other = nil
    #expect(
      try failure { try directory.append("{}") }
        == "\(path): was removed while this run trained, and another run is there now")
    #expect(other == nil)
  }

  private func failure(_ body: () throws -> Void) throws -> String {
    try #require(#expect(throws: RunDirectoryError.self, performing: body)).description
  }
}
