import Foundation
import Testing

@testable import Collectives

@Suite struct AllreduceSelectionTests {
  @Test func theNearestSizeAsARatioDecides() {
    let selection = AllreduceSelection([
      .init(bytes: 1 << 20, algorithm: .ring), .init(bytes: 4_096, algorithm: .recursiveDoubling),
      .init(bytes: 65_536, algorithm: .halvingDoubling),
    ])
    #expect(selection.algorithm(bytes: 0) == .recursiveDoubling)
    #expect(selection.algorithm(bytes: 16_384) == .recursiveDoubling)
    #expect(selection.algorithm(bytes: 16_385) == .halvingDoubling)
    #expect(selection.algorithm(bytes: 262_144) == .halvingDoubling)
    #expect(selection.algorithm(bytes: 262_145) == .ring)
    #expect(selection.algorithm(bytes: .max) == .ring)
  }

  @Test func goesThroughJSON() throws {
    let selection = AllreduceSelection([.init(bytes: 8, algorithm: .direct)])
    let data = try JSONEncoder().encode(selection)
    #expect(try JSONDecoder().decode(AllreduceSelection.self, from: data) == selection)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(AllreduceSelection.self, from: Data("[]".utf8))
    }
  }
}

@Suite struct AllreduceProfileTests {
  private func profile(_ hosts: [String], _ ranks: [Int], _ library: String = "") -> AllreduceProfile {
    AllreduceProfile(
      layout: HostLayout(hosts: hosts, ranksPerHost: ranks), library: library, measured: "", model: nil,
      measurements: [
        .init(algorithm: .mpi, isTwoLevel: false, bytes: 4_096, timeUs: 10),
        .init(algorithm: .direct, isTwoLevel: false, bytes: 4_096, timeUs: 11),
        .init(algorithm: .ring, isTwoLevel: false, bytes: 1 << 20, timeUs: 500),
        .init(algorithm: .mpi, isTwoLevel: false, bytes: 1 << 20, timeUs: 700),
      ])
  }

  @Test func theSameHostsInAnyOrderComeBeforeOthersOfTheirSeries() {
    var profiles = AllreduceProfiles()
    profiles.insert(profile(["n1", "n2"], [1, 1], "these"))
    profiles.insert(profile(["n7", "n8"], [1, 1], "others"))
    #expect(profiles.fitting(HostLayout(hosts: ["n2", "n1"], ranksPerHost: [1, 1]))?.library == "these")
    #expect(profiles.fitting(HostLayout(hosts: ["n3", "n104"], ranksPerHost: [1, 1]))?.library == "others")
  }

  @Test func otherMachinesOrNumbersOfRanksDoNotFit() {
    var profiles = AllreduceProfiles()
    profiles.insert(profile(["n1", "n2"], [1, 2]))
    #expect(profiles.fitting(HostLayout(hosts: ["n2", "n1"], ranksPerHost: [2, 1])) != nil)
    for (hosts, ranks) in [
      (["n1", "n2"], [1, 1]), (["n1", "n2", "n3"], [1, 2, 1]), (["gpu1", "n2"], [1, 2]),
    ] {
      #expect(profiles.fitting(HostLayout(hosts: hosts, ranksPerHost: ranks)) == nil, "\(hosts) \(ranks)")
    }
  }

  @Test func aNewMeasurementReplacesThatOfTheSameHosts() {
    var profiles = AllreduceProfiles()
    profiles.insert(profile(["n1", "n2"], [1, 1], "old"))
    profiles.insert(profile(["n2", "n1"], [1, 1], "new"))
    #expect(profiles.profiles.map(\.library) == ["new"])
  }

  @Test func theFastestIsChosenAndForBFloat16TheFastestThatCanSendIt() {
    let profile = profile(["n1", "n2"], [1, 1])
    #expect(profile.selection().entries.map(\.algorithm) == [.mpi, .ring])
    let bfloat16 = profile.selection(wire: .bfloat16)
    #expect(bfloat16.entries.map(\.algorithm) == [.direct, .ring])
    #expect(bfloat16.entries.map(\.bytes) == [8_192, 2 << 20])
  }

  @Test func onTwoLevelsSizesAreThoseOfACarriersChunk() {
    var profile = profile(["n1", "n2"], [2, 3])
    for index in profile.measurements.indices { profile.measurements[index].isTwoLevel = true }
    #expect(profile.selection().entries.map(\.bytes) == [2_048, 512 << 10])
  }

  @Test func aFileComesBackAsItWasWritten() throws {
    let folder = NSTemporaryDirectory() + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/a/profiles.json"
    #expect(try AllreduceProfiles(path: path) == nil)
    var profiles = AllreduceProfiles()
    profiles.insert(profile(["n1", "n2"], [1, 1]))
    try profiles.write(path: path)
    #expect(try AllreduceProfiles(path: path) == profiles)
  }

  @Test(arguments: [
    ("{", "not JSON"), ("{}", "profiles is missing"),
    (#"{"profiles":[{"layout":{"hosts":["a"]}}]}"#, "ranks_per_host is missing"),
  ])
  func aBrokenFileIsOneLineThatSaysWhatIsWrongAndWhere(text: String, problem: String) throws {
    let path = NSTemporaryDirectory() + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: path) }
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    let error = #expect(throws: ProfileError.self) { try AllreduceProfiles(path: path) }
    #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
    #expect(error?.description.hasPrefix(path) == true)
    #expect(error?.description.contains("\n") == false)
  }

  /// Two tunings at once: the one that ends last has read the file before the other wrote to it.
  @Test func whatAnotherJobHasWrittenMeanwhileStays() throws {
    let path = NSTemporaryDirectory() + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: path) }
    for hosts in [["n1", "n2"], ["n3", "n4", "n5"], ["n2", "n1"]] {
      try AllreduceProfiles.add(profile(hosts, hosts.map { _ in 1 }), path: path)
    }
    let profiles = try #require(try AllreduceProfiles(path: path)).profiles
    #expect(profiles.map(\.layout.hosts) == [["n3", "n4", "n5"], ["n2", "n1"]])
  }

  @Test func aFolderInPlaceOfTheFileIsNamedAsOne() {
    let error = #expect(throws: ProfileError.self) { try AllreduceProfiles(path: NSTemporaryDirectory()) }
    #expect(
      error?.description.contains(": a folder, and a file of profiles is wanted") == true,
      "\(error?.description ?? "")")
  }

  @Test func aFolderThatCannotBeWrittenIsAnError() {
    #expect(throws: ProfileError.self) { try AllreduceProfiles().write(path: "/proc/nowhere/profiles.json") }
  }
}
