import Kernels
import MPI

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Measures the network and the processors of a job: a ``NetworkModel`` in about a second.
///
/// What is measured is what schedules do, on all ranks at once, so that what ranks take from each other
/// (cores, links, the memory's bandwidth) is in it. No figure is fitted to an algorithm.
///
/// | number | how |
/// | --- | --- |
/// | latency | half the round trip of 8 bytes, hosts in pairs, less the processor time of two messages |
/// | time per message | the slope of bursts of 8-byte messages both ways |
/// | bandwidth, burst | lengths from 64 KiB up, of every host as many ranks sending to the next one as the smallest host has |
/// | processor time per byte | the thread's clock during an exchange, asleep between polls |
/// | eager limit | the longest message whose send completes while its receiver is asleep |
/// | skew | clocks compared by round trips, read as ranks leave a barrier |
/// | reduction | the thread's clock while all ranks add |
/// | sums in shared memory | the thread's clock while the ranks of a host sum each other's buffers (``ProbeSharedMemory``) |
///
/// Message sizes follow the speed that is found: on 100 Mbit/s a MiB takes 90 ms, on 100 Gbit/s 90 us.
public enum NetworkProbe {
  /// Measures; all ranks get the same model.
  ///
  /// Collective. With one host there is no network to measure: its latency is 0, its bandwidth that within
  /// the host. With one rank on each host, what is within a host keeps the defaults.
  ///
  /// - Parameter seconds: about as long as it may take.
  public static func measure(
    _ communicator: borrowing Communicator, seconds: Double = 1
  ) throws(MPIError) -> NetworkModel {
    let topology = try ProbeTopology(communicator)
    var model = NetworkModel(
      latencySeconds: 0, bandwidthBytesPerSecond: 5e9, reductionBytesPerSecond: 1)
    model.ranksPerNode = topology.ranksPerHost
    model.nodesPerMachine = topology.hostsPerMachine
    model.coresPerMachine = topology.cores
    model.reductionBytesPerSecond = try reduction(communicator)
    var measurement = ProbeMeasurement(
      transfers: try ProbeTransfers(communicator), budget: seconds)
    if topology.ranksPerHost > 1 {
      let peer = topology.localPartner
      let local = try measurement.latency(to: peer)
      model.localLatencySeconds = local.seconds
      let speed = try measurement.bandwidth(to: peer, from: peer, latency: local.seconds, share: 0.15)
      model.localBandwidthBytesPerSecond = speed.bytesPerSecond
      model.bandwidthBytesPerSecond = speed.bytesPerSecond
      if let memory = try ProbeSharedMemory(communicator) {
        model.sharedBytesPerSecond = memory.bytesPerSecond
        model.cachedBytesPerSecond = memory.cachedBytesPerSecond
        model.cacheBytes = memory.cacheBytes
      }
    }
    guard topology.hosts.count > 1 else { return model }
    let latency = try measurement.latency(to: topology.partner)
    model.latencySeconds = latency.seconds
    model.senderSecondsPerMessage = latency.secondsPerMessage / 2
    model.receiverSecondsPerMessage = latency.secondsPerMessage / 2
    model.skewSeconds = try measurement.skew()
    let next = topology.neighbour(1)
    let previous = topology.neighbour(-1)
    // Two hosts would exchange, and exchanges of long messages may go one way at a time (see Segments): then one of them sends.
    let isPair = topology.hosts.count == 2
    let speed = try measurement.bandwidth(
      to: isPair && topology.host == 1 ? nil : next, from: isPair && topology.host == 0 ? nil : previous,
      latency: latency.oneWay, share: 0.6)
    model.bandwidthBytesPerSecond = speed.bytesPerSecond * Double(topology.carriers)
    let copies = try measurement.processorSecondsPerByte(
      to: next, from: previous, bytes: speed.bytes / 2)
    model.senderSecondsPerByte = copies / 2
    model.receiverSecondsPerByte = copies / 2
    // A burst took the processors their time: what passes at once is more by what the link carries meanwhile.
    let ranks = min(communicator.size, topology.carriers * topology.hostsPerMachine)
    let ranksPerCore = Double(ranks) / Double(topology.cores)
    let copying = min(0.5, copies * max(1, ranksPerCore) * speed.bytesPerSecond)
    model.burstBytes = speed.bytesAtOnce / (1 - copying) * Double(topology.carriers)
    if let limit = try measurement.eagerLimit(to: topology.partner, sends: topology.host % 2 == 0, model) {
      model.eagerLimitBytes = limit
    }
    return model
  }

  /// Bytes of sums a second of processor time, all ranks adding at once: blocks of a buffer that is not in
  /// the cache, with an operand that is, as after its receipt.
  private static func reduction(_ communicator: borrowing Communicator) throws(MPIError) -> Double {
    let count = 8 << 20
    let piece = 128 << 10
    let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
    let operand = UnsafeMutableBufferPointer<Float>.allocate(capacity: piece)
    defer {
      buffer.deallocate()
      operand.deallocate()
    }
    buffer.initialize(repeating: 1)
    guard let block = buffer.baseAddress, let addend = operand.baseAddress else { return 1 }
    var seconds = 0.0
    for offset in stride(from: 0, to: count, by: piece) {
      // Fresh from the network: written by a copy just before.
      operand.update(repeating: Float(offset))
      let start = ProbeTransfers.processorTime()
      Float.add(addend, into: block + offset, count: piece)
      seconds += ProbeTransfers.processorTime() - start
    }
    let slowest = try communicator.allreduce(max(seconds, 1e-9), .maximum)
    return Double(count * MemoryLayout<Float>.stride) / slowest
  }
}
