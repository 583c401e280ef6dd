import CThreads
import Glibc

/// Gives the calling thread the name under which `top -H`, `perf` and debuggers show it.
///
/// - Parameter name: of at most 15 bytes; the system refuses longer ones.
package func nameThread(_ name: String) { rondo_pthread_setname(pthread_self(), name) }
