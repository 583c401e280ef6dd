import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// What signals ask of a run: SIGUSR1 a checkpoint; SIGUSR2, SIGTERM and SIGINT a checkpoint and the end. A second SIGINT ends the process at
/// once.
///
/// mpirun passes SIGUSR1 and SIGUSR2 on and lets ranks take their time. To SIGTERM and SIGINT it answers with SIGTERM to the ranks, SIGKILL
/// some two seconds later, and an exit status of its own.
///
/// Handlers only count; the run looks at the counts once a step, and all ranks act at the same step. Before the first step `EarlyEnd` looks.
package enum RunSignals {
  private static let saves = Atomic<Int>(0)
  private static let stops = Atomic<Int>(0)
  private static let interrupts = Atomic<Int>(0)
  private static let terminations = Atomic<Int>(0)

  /// From now on the process does not end by what is sent to runs alone, however early it comes: before MPI is there, which may take seconds.
  package static func installRequests() {
    // A handler may be the first to touch what is made when it is first touched.
    _ = (saves.load(ordering: .relaxed), stops.load(ordering: .relaxed), interrupts.load(ordering: .relaxed))
    _ = terminations.load(ordering: .relaxed)
    // A limit on the size of files is an error of the call that meets it, as a full disk is.
    signal(SIGXFSZ, SIG_IGN)
    handle(SIGUSR1) { _, _, _ in RunSignals.saves.wrappingAdd(1, ordering: .relaxed) }
    handle(SIGUSR2) { _, _, _ in RunSignals.stops.wrappingAdd(1, ordering: .relaxed) }
  }

  /// From now on the process does not end by these signals.
  static func install() {
    installRequests()
    handle(SIGTERM) { _, information, _ in
      if information?.pointee._sifields._kill.si_pid == getppid() {
        RunSignals.terminations.wrappingAdd(1, ordering: .relaxed)
      }
      RunSignals.stops.wrappingAdd(1, ordering: .relaxed)
    }
    handle(SIGINT) { _, _, _ in
      RunSignals.stops.wrappingAdd(1, ordering: .relaxed)
      if RunSignals.interrupts.wrappingAdd(1, ordering: .relaxed).newValue > 1 {
        signal(SIGINT, SIG_DFL)
        raise(SIGINT)
      }
    }
  }

  /// Whether a checkpoint was asked for since the last call.
  static func takeSave() -> Bool { saves.exchange(0, ordering: .relaxed) > 0 }

  static var isStopping: Bool { stops.load(ordering: .relaxed) > 0 }

  /// Whether the process that started this one has sent SIGTERM: a launcher does when the job is ending, whoever ended it.
  static var isEnding: Bool { terminations.load(ordering: .relaxed) > 0 }

  private typealias Handler =
    @convention(c) (Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void

  private static func handle(_ number: Int32, _ handler: @escaping Handler) {
    var action = sigaction()
    action.__sigaction_handler.sa_sigaction = handler
    // System calls go on as if nothing had happened.
    action.sa_flags = SA_RESTART | SA_SIGINFO
    sigaction(number, &action, nil)
    // What started this process may have had it blocked, and that is inherited.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, number)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }
}
