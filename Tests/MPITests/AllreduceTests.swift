import MPI
import MPITestSupport
import Testing

extension RankTests {
  @Suite struct AllreduceTests {
    @Test(arguments: Form.allCases, pieceLimits)
    func everyRankGetsTheSumInEveryForm(form: Form, limit: Int) throws {
      try withWorld(pieceLimit: limit) { world in
        for count in lengths(world.size) {
          let mine = elements(of: world.rank, count: count)
          let expected = (0..<count).map { i in (0..<world.size).reduce(0) { $0 + element($1, i) } }
          let found = try Self.allreduce(mine, form, on: world)
          #expect(found == expected, "\(count) elements")
        }
      }
    }

    private static func allreduce(
      _ mine: [Int32], _ form: Form, on world: borrowing Communicator
    ) throws -> [Int32] {
      switch form {
      case .blocking:
        try outOfPlace(mine, count: mine.count, fill: untouched) { try world.allreduce($0, into: &$1, .sum) }
      case .blockingInPlace:
        try inPlace(mine) { try world.allreduce(&$0, .sum) }
      case .started:
        try outOfPlace(mine, count: mine.count, fill: untouched) { source, destination in
          try world.startAllreduce(source, into: &destination, .sum).wait()
        }
      case .startedInPlace:
        try inPlace(mine) { try world.startAllreduce(&$0, .sum).wait() }
      case .owned:
        try world.startAllreduce(OwnedBuffer(mine), .sum).wait().array
      }
    }

    @Test func everyNumberTypeTakesTheArithmeticOperations() throws {
      func check<T: MPIScalar & Numeric & Comparable>(_: T.Type, on world: borrowing Communicator) throws {
        // At most 6 ranks with values 1, 2, 3, ...: the product 720 would not fit in 8 bits.
        let mine = T(exactly: world.rank % 2 + 1)!
        let all = (0..<world.size).map { T(exactly: $0 % 2 + 1)! }
        let expected: [(ReduceOperation, T?)] = [
          (.sum, all.reduce(0, +)), (.product, all.reduce(1, *)), (.minimum, all.min()),
          (.maximum, all.max()),
        ]
        for (operation, expected) in expected {
          let found = try world.allreduce(mine, operation)
          #expect(found == expected, "\(T.self) \(operation)")
        }
      }
      try withWorld { world in
        try check(Float.self, on: world)
        try check(Double.self, on: world)
        for type in integerTypes { try check(type, on: world) }
      }
    }

    @Test func everyIntegerTypeTakesTheBitwiseAndLogicalOperations() throws {
      func check<T: MPIScalar & FixedWidthInteger>(_: T.Type, on world: borrowing Communicator) throws {
        // The top bit shows a type that travels with the wrong width.
        let value: (Int) -> T = { rank in (1 << (T.bitWidth - 1)) | (1 << (rank % 5)) }
        let mine = value(world.rank)
        let all = (0..<world.size).map(value)
        let expected: [(ReduceOperation, T)] = [
          (.bitwiseAnd, all.reduce(all[0], &)), (.bitwiseOr, all.reduce(0, |)),
          (.bitwiseXor, all.reduce(0, ^)),
        ]
        for (operation, expected) in expected {
          let found = try world.allreduce(mine, operation)
          #expect(found == expected, "\(T.self) \(operation)")
        }
        // A single rank combines nothing and keeps its value, so these operands are 0 and 1 themselves.
        let flag: T = world.rank == world.size - 1 ? 1 : 0
        let isSingle = world.size == 1
        let logical: [(ReduceOperation, T)] = [
          (.logicalAnd, isSingle ? 1 : 0), (.logicalOr, 1), (.logicalXor, 1),
        ]
        for (operation, expected) in logical {
          let found = try world.allreduce(flag, operation)
          #expect(found == expected, "\(T.self) \(operation)")
        }
      }
      try withWorld { world in
        for type in integerTypes { try check(type, on: world) }
      }
    }

    @Test func boolTakesTheLogicalOperations() throws {
      try withWorld { world in
        let isLast = world.rank == world.size - 1
        let any = try world.allreduce(isLast, .logicalOr)
        let all = try world.allreduce(isLast, .logicalAnd)
        let odd = try world.allreduce(isLast, .logicalXor)
        #expect(any)
        #expect(all == (world.size == 1))
        #expect(odd)
      }
    }

    @Test func anOperationThatTheTypeLacksIsRefusedInMPIsWords() throws {
      try withWorld { world in
        let error = mpiError { _ = try world.allreduce(Float(1), .bitwiseAnd) }
        #expect(error?.class == .operation)
        #expect(error?.isUsage == false)
        #expect(error?.rank == world.rank)
        #expect(error?.text.contains("MPI_ERR_OP") == true, "\(String(describing: error))")
      }
    }

    @Test func lengthsThatDifferAreRefusedWithBoth() throws {
      try withWorld { world in
        let mine = [Float](repeating: 0, count: 1_024)
        let error = mpiError {
          _ = try outOfPlace(mine, count: 1_000, fill: 0) { try world.allreduce($0, into: &$1, .sum) }
        }
        #expect(error?.isUsage == true)
        #expect(error?.class == .count)
        #expect(error?.description == "rank \(world.rank): allreduce: expected 1024 elements, found 1000")
      }
    }
  }
}

/// All integer element types.
let integerTypes: [any (MPIScalar & FixedWidthInteger).Type] = [
  Int8.self, Int16.self, Int32.self, Int64.self, Int.self,
  UInt8.self, UInt16.self, UInt32.self, UInt64.self, UInt.self,
]
