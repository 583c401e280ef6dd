import Glibc

/// The threads of one rank.
///
/// A parallel region is a number of *tiles*: pieces of work that do not depend on each other. The caller and the pool's
/// threads take tiles one after the other until none is left, each first those of its own share and then those that others
/// have left. So which thread computes a tile is chance in the end, and what a tile is must not depend on the number of
/// threads: then neither do the results.
///
/// A region costs a microsecond or two while the threads wait awake, as they do for 2 ms after each region, giving their
/// cores to whoever wants them. Then they sleep. In a pool of more threads than the rank has cores they sleep at once.
///
/// A region started while another one runs on the same pool (a nested call, or a call from another thread) runs inline:
/// its caller computes all the tiles, in order. The results are the same.
public final class ThreadPool: Sendable {
  /// The threads that take tiles, the caller among them. At least 1; fewer than asked for only if ``refusal`` is set.
  public let threads: Int

  /// Why the system refused to start as many threads as were asked for; nil when it did not.
  public let refusal: String?

  private let crew: Crew
  private let handles: [pthread_t]

  /// Starts `threads - 1` threads, named `rondo-pool-1`, `rondo-pool-2`, ..., with all signals blocked, so that the
  /// process's own threads handle those.
  ///
  /// - Parameters:
  ///   - threads: threads including the caller; at least 1.
  ///   - cores: cores that this rank may use; nil takes the affinity mask's. Ranks that share a mask should pass their
  ///     part of it: with more threads than cores, waiting threads sleep instead of spinning.
  public init(threads: Int, cores: Int? = nil) {
    precondition(threads >= 1, "ThreadPool: expected at least 1 thread, found \(threads)")
    let available = cores ?? CPUAffinity.current.allowed.count
    let crew = Crew(threads: threads, spins: threads <= available)
    var handles: [pthread_t] = []
    var refusal: String? = nil
    for index in 1..<max(threads, 1) {
      switch crew.startThread(index) {
      case .success(let handle): handles.append(handle)
      case .failure(let error):
        refusal = "thread \(index + 1) of \(threads) did not start: \(error.text); ask for fewer threads"
      }
      if refusal != nil { break }
    }
    self.crew = crew
    self.handles = handles
    self.refusal = refusal
    self.threads = 1 + handles.count
  }

  deinit {
    crew.stop()
    for handle in handles { pthread_join(handle, nil) }
  }

  /// Calls `body` once with each of `0..<tiles`, on the pool's threads and the caller's, and returns when all calls have
  /// returned. What the bodies wrote is visible to the caller. Allocates nothing.
  public func run(tiles: Int, _ body: (Int) -> Void) {
    if tiles <= 1 || threads == 1 || !crew.runTogether(tiles: tiles, body) {
      for tile in 0..<max(tiles, 0) { body(tile) }
    }
  }
}
