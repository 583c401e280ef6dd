/// The schedules of thousands of ranks, in the memory of few.
///
/// Ranks of a collective do much the same: round a ring all of them have the same actions with the same
/// dependencies, and the same peers when those are counted from the rank itself. Only lengths differ, when
/// the buffer does not divide evenly. So a schedule is kept as a *shape* (kinds, relative peers,
/// dependencies) and its *lengths*, each only once for all ranks that share it. Where a block lies takes no
/// part in how long anything takes, and is dropped.
///
/// All shapes lie behind one another in flat arrays, and so do all lengths.
final class ScheduleStore {
  enum Kind: UInt8 { case send, receive, combine }

  /// Where the schedule of a rank is: its first entries in ``steps``, ``lengths`` and ``channels``.
  struct Place {
    var steps: Int32
    /// Number of actions.
    var count: Int32
    var lengths: Int
    var channels: Int32
    var channelCount: Int32
    var window: Int32
  }

  /// An action of a shape.
  struct Step {
    var kind: Kind
    /// Which of the shape's channels a transfer is on; 0 for additions.
    var channel: Int32 = 0
    /// Which message of its channel and direction a transfer is.
    var number: Int32 = 0
    /// The actions that it waits for, in ``dependencies``, and those that wait for it, in ``dependents``.
    var firstDependency: Int32 = 0
    var lastDependency: Int32 = 0
    var firstDependent: Int32 = 0
    var lastDependent: Int32 = 0
  }

  /// All messages of a shape with one peer, both ways.
  struct Channel {
    /// Whom rank 0 would have in the place of the peer.
    var peer: Int32
    /// The first entries in ``messages`` of those sent and those received; the k-th of each is k further on.
    var sends: Int32
    var receives: Int32
  }

  let size: Int
  /// How peers are named.
  let symmetry: RankSymmetry
  /// Whether all ranks do the same: the schedule of rank 0 stands for all.
  let isSymmetric: Bool
  let places: FlatArray<Place>
  let steps: FlatArray<Step>
  let lengths: FlatArray<Int32>
  let dependencies: FlatArray<Int32>
  let dependents: FlatArray<Int32>
  let channels: FlatArray<Channel>
  /// Actions that are transfers, by shape, channel, direction and order.
  let messages: FlatArray<Int32>
  /// By rank: the number of its first channel among the channels of all ranks, and behind the last rank's their number.
  let firstFlows: FlatArray<Int32>
  /// The channel of the peer that a channel meets: by channel where all ranks have one shape, else by number among all ranks'.
  private let opposites: FlatArray<Int32>
  private let hasOneShape: Bool

  /// - Parameters:
  ///   - symmetry: how all ranks' schedules follow from that of rank 0, where they do; then only that one is asked for.
  ///   - schedule: the schedule of a rank.
  init(size: Int, symmetry: RankSymmetry?, schedule: (_ rank: Int) -> Schedule) {
    var shapes = ScheduleShapes(size: size, symmetry: symmetry ?? .rotation)
    for rank in 0..<(symmetry == nil ? size : 1) { shapes.append(schedule(rank)) }
    self.size = size
    self.symmetry = symmetry ?? .rotation
    isSymmetric = symmetry != nil
    hasOneShape = shapes.shapeCount == 1
    firstFlows = shapes.firstFlows(isSymmetric: isSymmetric)
    opposites = shapes.opposites(isSymmetric: isSymmetric)
    places = shapes.places
    steps = shapes.steps
    lengths = shapes.lengths
    dependencies = shapes.dependencies
    dependents = shapes.dependents
    channels = shapes.channels
    messages = shapes.messages
  }

  func place(of rank: Int) -> Place { places[isSymmetric ? 0 : rank] }

  func step(_ action: Int, _ rank: Int) -> Step { steps[Int(place(of: rank).steps) + action] }

  func length(_ action: Int, _ rank: Int) -> Int { Int(lengths[place(of: rank).lengths + action]) }

  /// The other end of a send of `rank`: who receives it, and by which action.
  func receiver(ofSend action: Int, rank: Int) -> (peer: Int, action: Int) {
    let place = place(of: rank)
    let step = steps[Int(place.steps) + action]
    let (peer, opposite) = opposite(place, step.channel, rank)
    return (peer, Int(messages[Int(channels[opposite].receives + step.number)]))
  }

  /// As above, for a receive: who sends it.
  func sender(ofReceive action: Int, rank: Int) -> (peer: Int, action: Int) {
    let place = place(of: rank)
    let step = steps[Int(place.steps) + action]
    let (peer, opposite) = opposite(place, step.channel, rank)
    return (peer, Int(messages[Int(channels[opposite].sends + step.number)]))
  }

  private func opposite(_ place: Place, _ channel: Int32, _ rank: Int) -> (peer: Int, channel: Int) {
    let number = Int(place.channels + channel)
    let peer = symmetry.peer(Int(channels[number].peer), of: rank, size: size)
    return (peer, Int(opposites[hasOneShape ? number : Int(firstFlows[rank] + channel)]))
  }

  /// The number of a transfer's channel among those of all ranks.
  func flow(ofTransfer action: Int, rank: Int) -> Int {
    Int(firstFlows[rank] + step(action, rank).channel)
  }
}
