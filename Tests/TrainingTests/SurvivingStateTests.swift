import Checkpoints
import Dispatch
import Foundation
import Synchronization
import Testing

@testable import Training

/// Who gets memory that an earlier life has left.
@Suite struct SurvivingStateTests {
  /// A run with memory of an earlier life, which is removed with this object.
  private final class LeftMemory: Sendable {
    let run = String(UInt64.random(in: 0...UInt64.max), radix: 16)
    let name: String

    init() throws {
      var survival = SurvivingState(run: run, model: 1)
      survival.life = 1
      let layout = StateLayout(
        core: .init(arenaCount: 100, stateCount: 1, pieceCount: 1), tail: .none)
      let path = try #require(try survival.making(layout).file.path)
      name = String(path.dropFirst(SharedFile.folder.count + 1))
    }

    var nextLife: SurvivingState {
      var survival = SurvivingState(run: run, model: 1)
      survival.life = 2
      return survival
    }

    deinit { SharedFile.remove(name: name) }
  }

  /// As the start of another run does, which looks for what nobody has any more: it may take its time.
  @Test func whoLooksAtItIsWaitedFor() throws {
    let left = try LeftMemory()
    let looking = Mutex<SharedFile?>(try SharedFile(name: left.name))
    Thread {
      usleep(400_000)
      looking.withLock { $0 = nil }
    }.start()
    #expect(try left.nextLife.claim(left.name) != nil)
  }

  /// Containers of one start may see the same memory.
  @Test func ofThoseWhoComeAtOnceOneHasIt() throws {
    for _ in 0..<3 {
      let left = try LeftMemory()
      let claims = Mutex<[Bool]>([])
      DispatchQueue.concurrentPerform(iterations: 4) { _ in
        // All have it open before one claims it.
        let file = try? SharedFile(name: left.name)
        usleep(50_000)
        file?.release()
        let claimed = try? left.nextLife.claim(left.name)
        claims.withLock { $0.append(claimed != nil) }
        usleep(50_000)
        claimed?.share()
      }
      #expect(claims.withLock { $0.sorted { !$0 && $1 } } == [false, false, false, true])
    }
  }

  /// Memory without a byte may be another process's that has just made it.
  @Test func emptyMemoryIsLeftAloneWhileItIsYoung() throws {
    let left = try LeftMemory()
    let name = left.nextLife.prefix + "empty"
    let path = SharedFile.folder + "/" + name
    try #require(FileManager.default.createFile(atPath: path, contents: nil))
    defer { SharedFile.remove(name: name) }
    #expect(try left.nextLife.names() == [left.name])
    #expect(FileManager.default.fileExists(atPath: path))
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -100)], ofItemAtPath: path)
    #expect(try left.nextLife.names() == [left.name])
    #expect(!FileManager.default.fileExists(atPath: path))
    // At the end of the run it can be nobody's.
    try #require(FileManager.default.createFile(atPath: path, contents: nil))
    SurvivingState.removeEmpty(ofRun: left.nextLife.run)
    #expect(!FileManager.default.fileExists(atPath: path))
    #expect(try left.nextLife.names() == [left.name])
  }
}
