import Foundation
import Synchronization

/// Work on a thread of its own, that somebody else asks for when it is done.
final class BackgroundTask<Value: Sendable>: Sendable {
  private let outcome = Mutex<Result<Value, any Error>?>(nil)
  private let ended = DispatchSemaphore(value: 0)

  /// - Parameters:
  ///   - name: of the thread, as of `Thread.start`.
  ///   - body: what it refers to belongs to the thread from now on.
  init(_ name: String, _ body: @escaping () throws -> Value) {
    let work = HandedOver(body: body)
    Thread.start(name) { [self] in
      let result = Result { try work.body() }
      outcome.withLock { $0 = result }
      ended.signal()
    }
  }

  /// Nil while it works.
  var result: Result<Value, any Error>? { outcome.withLock { $0 } }

  /// Waits for its end.
  func wait() -> Result<Value, any Error> {
    if let result { return result }
    ended.wait()
    ended.signal()
    guard let result else { preconditionFailure("BackgroundTask: a thread ended without a result") }
    return result
  }
}

/// `@unchecked Sendable` is safe because it is made by one thread and called by one other.
private struct HandedOver<Value>: @unchecked Sendable {
  let body: () throws -> Value
}
