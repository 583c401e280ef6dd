import BLAS
import Foundation

extension Thread {
  /// Starts a thread.
  ///
  /// - Parameter name: as of `nameThread`.
  static func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
    let thread = Thread {
      // Foundation's name does not always come to the system.
      nameThread(name)
      body()
    }
    thread.stackSize = 1 << 20
    thread.start()
  }
}
