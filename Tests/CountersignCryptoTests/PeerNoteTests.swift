import CountersignCrypto
import CountersignTesting
import Testing

@Suite struct PeerNoteTests {
    final class Author: Sendable {}

    final class Content: Sendable {
        let number: Int

        init(_ number: Int) {
            self.number = number
        }
    }

    @Test func aNoteIsMadeOncePerAuthor() throws {
        let peer = try TestAuthority().issue("user-svc").peer
        let (one, other) = (Author(), Author())
        #expect(peer.note(by: one) { _ in Content(1) }.number == 1)
        #expect(peer.note(by: one) { _ in Content(2) }.number == 1)
        #expect(peer.note(by: other) { _ in Content(3) }.number == 3)
    }

    @Test func theOldestOfFiveNotesGivesWay() throws {
        let peer = try TestAuthority().issue("user-svc").peer
        let authors = (0..<5).map { _ in Author() }
        for (number, author) in authors.enumerated() { #expect(peer.note(by: author) { _ in Content(number) }.number == number) }
        for (number, author) in authors.enumerated().dropFirst() {
            #expect(peer.note(by: author) { _ in Content(100) }.number == number)
        }
        #expect(peer.note(by: authors[0]) { _ in Content(100) }.number == 100)
    }

    @Test func aFailureIsNotNoted() throws {
        struct Refused: Error {}
        let peer = try TestAuthority().issue("user-svc").peer
        let author = Author()
        #expect(throws: Refused.self) { try peer.note(by: author) { (_) throws(Refused) -> Content in throw Refused() } }
        #expect(peer.note(by: author) { _ in Content(1) }.number == 1)
    }

    /// A new policy may be put where an old one stood in memory; it must not inherit what the old one concluded.
    @Test func aNewAuthorNeverInheritsTheNoteOfOneThatIsGone() throws {
        let peer = try TestAuthority().issue("user-svc").peer
        for number in 0..<1000 {
            #expect(peer.note(by: Author()) { _ in Content(number) }.number == number)
        }
    }
}
