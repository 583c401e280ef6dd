/// What becomes of a message: questions and answers, packets, arrivals.
extension SimulatedRun {
  mutating func startSend(_ action: Int, _ rank: Int, _ time: Double) {
    let bytes = Double(length(action, rank)) * wireBytes
    messageCount += 1
    sentBytes[rank] += bytes
    let isLong = isLong(action, rank)
    if !isLong { pushCompleted(action, rank) }
    if node(rank) == node(store.receiver(ofSend: action, rank: rank).peer) {
      let kind: Event.Kind = isLong ? .request : .begins
      queue.insert(Event(kind, at: time + model.localLatencySeconds, rank: rank, action: action))
    } else if isLong {
      depart(.requestBegins, 0, action, rank, time)
    } else {
      depart(.begins, bytes, action, rank, time)
    }
  }

  /// Puts bytes of a rank in line.
  mutating func depart(
    _ kind: Event.Kind, _ bytes: Double, _ action: Int, _ rank: Int, _ time: Double
  ) {
    departures.insert(
      kind, rank: rank, action: action, bytes: bytes, sender: rank,
      channel: store.channelNumber(ofTransfer: action, rank: rank), node: node(rank))
    sendPackets(node(rank), time)
  }

  /// Lets a node's link carry what waits, as soon as it can.
  mutating func sendPackets(_ node: Int, _ time: Double) {
    while !sends[node], !departures.isEmpty(node) {
      let ready = outgoing[node].ready(at: time, burstSeconds: burstSeconds)
      if ready > time {
        sends[node] = true
        queue.insert(Event(.link, at: ready, rank: node))
      } else {
        sendPacket(node, time)
      }
    }
  }

  mutating func sendPacket(_ node: Int, _ time: Double) {
    let (number, bytes) = departures.popPacket(node)
    let parcel = departures.parcels[number]
    let (rank, action) = (Int(parcel.rank), Int(parcel.action))
    let copy = processors.work(bytes * model.senderSecondsPerByte, of: rank, from: time)
    // Once a message is on its way, copies are ahead of the link by what the socket holds.
    let ahead = parcel.left > 0 ? Self.socketBytes / model.bandwidthBytesPerSecond : 0
    let passage = outgoing[node].carry(
      bytes / model.bandwidthBytesPerSecond, from: max(time, copy.start - ahead),
      burstSeconds: burstSeconds)
    queue.insert(
      Event(
        parcel.kind, at: passage.first + model.latencySeconds, rank: rank, action: action, parcel: number))
    let left = max(passage.last, copy.end)
    departures.leave(number, at: left)
    if parcel.leaving == 0, parcel.kind == .begins, isLong(action, rank) {
      queue.insert(Event(.sent, at: left, rank: rank, action: action))
    }
  }

  private static let socketBytes = 4 * Departures.packetBytes

  /// Takes a packet from the link of the node where it goes. When it was the last of its parcel, foresees
  /// what comes of it.
  mutating func land(_ event: Event, then kind: Event.Kind) {
    // An answer goes to the sender of the message, everything else to its receiver.
    let target =
      kind == .reply ? event.rank : store.receiver(ofSend: event.action, rank: event.rank).peer
    let bytes = departures.arrive(event.parcel)
    let passage = incoming[node(target)].carry(
      bytes / model.bandwidthBytesPerSecond, from: event.time, burstSeconds: burstSeconds)
    let copy = processors.work(bytes * model.receiverSecondsPerByte, of: target, from: passage.first)
    let parcel = departures.parcels[event.parcel]
    guard parcel.arriving == 0 else { return }
    let end = max(passage.last, parcel.left + model.latencySeconds, copy.end)
    departures.remove(event.parcel)
    queue.insert(Event(kind, at: end, rank: event.rank, action: event.action))
  }

  mutating func request(_ event: Event) {
    let (receiver, action) = store.receiver(ofSend: event.action, rank: event.rank)
    let delivery = note(.requested, of: action, receiver)
    if delivery.contains(.posted) { answer(receiver, event.rank, event.action, event.time) }
  }

  mutating func startReceive(_ action: Int, _ rank: Int, _ time: Double) {
    let delivery = note(.posted, of: action, rank)
    if delivery.contains(.arrived) {
      pushCompleted(action, rank)
    } else if delivery.contains(.requested) {
      let (sender, send) = store.sender(ofReceive: action, rank: rank)
      answer(rank, sender, send, time)
    }
  }

  /// The receiver lets a long message come.
  mutating func answer(_ receiver: Int, _ sender: Int, _ send: Int, _ time: Double) {
    if node(receiver) == node(sender) {
      let bytes = Double(length(send, sender)) * wireBytes
      let end = copyLocally(bytes, receiver, time)
      queue.insert(Event(.arrived, at: end, rank: sender, action: send))
      queue.insert(Event(.sent, at: end, rank: sender, action: send))
    } else {
      let (_, receive) = store.receiver(ofSend: send, rank: sender)
      departures.insert(
        .replyBegins, rank: sender, action: send, bytes: 0, sender: receiver,
        channel: store.channelNumber(ofTransfer: receive, rank: receiver), node: node(receiver))
      sendPackets(node(receiver), time)
    }
  }

  mutating func reply(_ event: Event) {
    let bytes = Double(length(event.action, event.rank)) * wireBytes
    depart(.begins, bytes, event.action, event.rank, event.time)
  }

  mutating func begins(_ event: Event) {
    let (receiver, _) = store.receiver(ofSend: event.action, rank: event.rank)
    if node(receiver) == node(event.rank) {
      let bytes = Double(length(event.action, event.rank)) * wireBytes
      let end = copyLocally(bytes, receiver, event.time)
      queue.insert(Event(.arrived, at: end, rank: event.rank, action: event.action))
    } else {
      land(event, then: .arrived)
    }
  }

  mutating func arrived(_ event: Event) {
    let (receiver, action) = store.receiver(ofSend: event.action, rank: event.rank)
    guard note(.arrived, of: action, receiver).contains(.posted) else { return }
    pushCompleted(action, receiver)
    advance(receiver, event.time)
  }

  mutating func copyLocally(_ bytes: Double, _ receiver: Int, _ time: Double) -> Double {
    processors.work(bytes / model.localBandwidthBytesPerSecond, of: receiver, from: time).end
  }

  /// Remembers what is known of a receive's message; gives all that is.
  mutating func note(_ news: Delivery, of action: Int, _ rank: Int) -> Delivery {
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
