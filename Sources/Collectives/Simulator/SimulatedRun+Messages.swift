/// What becomes of a message: questions and answers, packets, arrivals.
extension SimulatedRun {
  mutating func startSend(_ action: Int, _ rank: Int, _ time: Double) {
    let bytes = Double(length(action, rank)) * wireBytes
    messageCount += 1
    threads[rank].sentBytes += bytes
    let isLong = isLong(action, rank)
    if !isLong { pushCompleted(action, rank) }
    if node(rank) == node(store.receiver(ofSend: action, rank: rank).peer) {
      let kind: Event.Kind = isLong ? .request : .begins
      queues.insert(
        Event(kind, at: time + model.localLatencySeconds, rank: rank, action: action), group(rank))
    } else if isLong {
      depart(.requestBegins, 0, action, rank, time)
    } else {
      depart(.begins, bytes, action, rank, time)
    }
  }

  /// Puts bytes of a rank in line.
  private mutating func depart(
    _ kind: Event.Kind, _ bytes: Double, _ action: Int, _ rank: Int, _ time: Double
  ) {
    departures.insert(
      kind, rank: rank, action: action, bytes: bytes, flow: store.flow(ofTransfer: action, rank: rank),
      node: node(rank))
    sendPackets(node(rank), time)
  }

  /// Lets a node's link carry what waits, as soon as it can.
  mutating func sendPackets(_ node: Int, _ time: Double) {
    while !nodes[node].sends, !departures.isEmpty(node) {
      let ready = nodes[node].outgoing.ready(at: time, burstSeconds: burstSeconds)
      if ready > time {
        nodes[node].sends = true
        queues.insert(Event(.link, at: ready, rank: node), group(node * model.ranksPerNode))
      } else {
        sendPacket(node, time)
      }
    }
  }

  private mutating func sendPacket(_ node: Int, _ time: Double) {
    let (number, bytes) = departures.popPacket(node)
    let parcel = departures.parcels[number]
    let (rank, action) = (Int(parcel.rank), Int(parcel.action))
    let copy = processors.work(bytes * model.senderSecondsPerByte, of: rank, from: time)
    // Once a message is on its way, copies are ahead of the link by what the socket holds.
    let ahead = parcel.left > 0 ? Self.socketBytes / model.bandwidthBytesPerSecond : 0
    let passage = nodes[node].outgoing.carry(
      bytes / model.bandwidthBytesPerSecond, from: max(time, copy.start - ahead),
      burstSeconds: burstSeconds)
    queues.insert(
      Event(
        parcel.kind, at: passage.first + model.latencySeconds, rank: rank, action: action, parcel: number),
      group(target(parcel.kind, rank, action)))
    let left = max(passage.last, copy.end)
    departures.leave(number, at: left)
    if parcel.leaving == 0, parcel.kind == .begins, isLong(action, rank) {
      queues.insert(Event(.sent, at: left, rank: rank, action: action), group(rank))
    }
  }

  private static let socketBytes = 4 * Departures.packetBytes

  /// Where a packet goes: an answer to the sender of the message, everything else to its receiver.
  @inline(__always)
  private func target(_ kind: Event.Kind, _ rank: Int, _ action: Int) -> Int {
    kind == .replyBegins ? rank : seat(store.receiver(ofSend: action, rank: rank).peer)
  }

  /// Lets a packet into the link of the node where it goes: it passes after those that came before it.
  mutating func land(_ event: Event) {
    let target = target(event.kind, event.rank, event.action)
    let bytes = departures.arrive(event.parcel)
    let passage = nodes[node(target)].incoming.carry(
      bytes / model.bandwidthBytesPerSecond, from: event.time, burstSeconds: burstSeconds)
    departures.pass(event.parcel, until: passage.last)
    if passage.first > event.time, bytes * model.receiverSecondsPerByte > 0 {
      // Its copy takes no time of the thread before it comes.
      queues.insert(
        Event(
          .passes, at: passage.first, rank: event.rank, action: event.action, parcel: event.parcel),
        group(target))
    } else {
      take(event.parcel, bytes, target, passage.first)
    }
  }

  /// The next packet of a parcel, which had to wait for the link, comes out of it.
  mutating func passes(_ event: Event) {
    let kind = departures.parcels[event.parcel].kind
    let bytes = departures.nextToTake(event.parcel)
    take(event.parcel, bytes, target(kind, event.rank, event.action), event.time)
  }

  /// Copies a packet. When it was the last of its parcel, foresees what comes of it.
  private mutating func take(_ number: Int, _ bytes: Double, _ target: Int, _ time: Double) {
    let copy = processors.work(bytes * model.receiverSecondsPerByte, of: target, from: time)
    guard departures.take(number, bytes) else { return }
    let parcel = departures.parcels[number]
    let end = max(parcel.passed, parcel.left + model.latencySeconds, copy.end)
    departures.remove(number)
    let kind: Event.Kind =
      switch parcel.kind {
      case .requestBegins: .request
      case .replyBegins: .reply
      default: .arrived
      }
    queues.insert(Event(kind, at: end, rank: Int(parcel.rank), action: Int(parcel.action)), group(target))
  }

  mutating func request(_ event: Event) {
    let (receiver, action) = store.receiver(ofSend: event.action, rank: event.rank)
    let delivery = note(.requested, of: action, seat(receiver))
    if delivery.contains(.posted) { answer(receiver, action, event.rank, event.action, event.time) }
  }

  mutating func startReceive(_ action: Int, _ rank: Int, _ time: Double) {
    let delivery = note(.posted, of: action, rank)
    if delivery.contains(.arrived) {
      pushCompleted(action, rank)
    } else if delivery.contains(.requested) {
      let (sender, send) = store.sender(ofReceive: action, rank: rank)
      answer(rank, action, sender, send, time)
    }
  }

  /// The receiver lets a long message come.
  private mutating func answer(
    _ receiver: Int, _ receive: Int, _ sender: Int, _ send: Int, _ time: Double
  ) {
    let (here, there) = (seat(receiver), seat(sender))
    if node(receiver) == node(sender) {
      let bytes = Double(length(send, there)) * wireBytes
      let end = copyLocally(bytes, here, time)
      queues.insert(Event(.arrived, at: end, rank: there, action: send), group(here))
      queues.insert(Event(.sent, at: end, rank: there, action: send), group(there))
    } else {
      departures.insert(
        .replyBegins, rank: there, action: send, bytes: 0, flow: store.flow(ofTransfer: receive, rank: here),
        node: node(here))
      sendPackets(node(here), time)
    }
  }

  mutating func reply(_ event: Event) {
    let bytes = Double(length(event.action, event.rank)) * wireBytes
    depart(.begins, bytes, event.action, event.rank, event.time)
  }

  mutating func begins(_ event: Event) {
    let receiver = store.receiver(ofSend: event.action, rank: event.rank).peer
    if node(receiver) == node(event.rank) {
      let bytes = Double(length(event.action, event.rank)) * wireBytes
      let end = copyLocally(bytes, receiver, event.time)
      queues.insert(Event(.arrived, at: end, rank: event.rank, action: event.action), group(receiver))
    } else {
      land(event)
    }
  }

  mutating func arrived(_ event: Event) {
    let (receiver, action) = store.receiver(ofSend: event.action, rank: event.rank)
    let rank = seat(receiver)
    guard note(.arrived, of: action, rank).contains(.posted) else { return }
    pushCompleted(action, rank)
    advance(rank, event.time)
  }

  private mutating func copyLocally(_ bytes: Double, _ receiver: Int, _ time: Double) -> Double {
    processors.work(bytes / model.localBandwidthBytesPerSecond, of: receiver, from: time).end
  }

  /// Remembers what is known of a receive's message; gives all that is.
  private mutating func note(_ news: Delivery, of action: Int, _ rank: Int) -> Delivery {
    if order.isInWindow(action, rank: rank) {
      let slot = order.slot(of: action, rank: rank)
      deliveries[slot].insert(news)
      return deliveries[slot]
    }
    let key = Self.key(rank, action)
    if early[key] == nil { threads[rank].earlyCount += 1 }
    early[key, default: []].insert(news)
    return early[key, default: []]
  }

  static func key(_ rank: Int, _ action: Int) -> UInt64 { UInt64(rank) << 32 | UInt64(action) }
}
