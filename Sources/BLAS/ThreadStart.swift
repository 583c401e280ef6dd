import Glibc

/// The system did not start a thread.
struct ThreadStartError: Error {
  let code: Int32
  var text: String { String(cString: strerror(code)) }
}

/// Hands a new thread its crew and its number.
final class ThreadStart {
  /// Bytes. Explicit, because the default follows `ulimit -s`, which clusters set to anything from 8 MiB to unlimited.
  private static let stackBytes = 4 << 20

  private let crew: Crew
  private let index: Int

  init(crew: Crew, index: Int) {
    self.crew = crew
    self.index = index
  }

  func run() -> Result<pthread_t, ThreadStartError> {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, Self.stackBytes)

    // A new thread inherits the mask of blocked signals.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

    var handle = pthread_t()
    let retained = Unmanaged.passRetained(self)
    let code = pthread_create(
      &handle, &attributes,
      { argument in
        if let argument {
          let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
          nameThread("rondo-pool-\(start.index)")
          start.crew.work(start.index)
        }
        return nil
      }, retained.toOpaque())
    guard code == 0 else {
      retained.release()
      return .failure(ThreadStartError(code: code))
    }
    return .success(handle)
  }
}
