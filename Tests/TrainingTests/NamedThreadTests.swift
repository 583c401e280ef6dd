import Foundation
import Testing

@testable import Training

@Suite struct NamedThreadTests {
  @Test(arguments: ["rondo-comm", "rondo-watch", "rondo-write"])
  func theSystemKnowsAThreadByItsName(name: String) throws {
    let task = BackgroundTask(name) { try String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8) }
    let found = try task.wait().get()
    #expect(found == name + "\n")
  }
}
