//! What a process keeps of a secret to sign with: the states of SHA-1 after HMAC's two padded keys (RFC 2104).

const BLOCK: usize = 64;

/// Inner and outer state of HMAC-SHA1 under `secret`, as this machine has them in memory.
pub fn states(secret: &str) -> [Vec<u8>; 2] {
    assert!(secret.len() <= BLOCK, "a longer one is hashed first");
    [0x36, 0x5c].map(|pad| {
        let mut block = [pad; BLOCK];
        block.iter_mut().zip(secret.bytes()).for_each(|(byte, key)| *byte ^= key);
        compress(&block).iter().flat_map(|word| word.to_ne_bytes()).collect()
    })
}

/// The first block of SHA-1 (RFC 3174).
fn compress(block: &[u8; BLOCK]) -> [u32; 5] {
    const BEGIN: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut words: Vec<u32> =
        block.chunks_exact(4).map(|word| u32::from_be_bytes(word.try_into().expect("four bytes"))).collect();
    for at in 16..80 {
        words.push((words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16]).rotate_left(1));
    }
    let [mut a, mut b, mut c, mut d, mut e] = BEGIN;
    for (at, word) in words.iter().enumerate() {
        let (mixed, constant) = match at / 20 {
            0 => ((b & c) | (!b & d), 0x5a82_7999_u32),
            1 => (b ^ c ^ d, 0x6ed9_eba1),
            2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6),
        };
        let next = a.rotate_left(5).wrapping_add(mixed).wrapping_add(e).wrapping_add(constant).wrapping_add(*word);
        (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
    }
    let mut state = BEGIN;
    state.iter_mut().zip([a, b, c, d, e]).for_each(|(begin, end)| *begin = begin.wrapping_add(end));
    state
}

#[test]
fn a_block_is_compressed_as_the_rfc_says() {
    // "abc" with its padding is one block: its state is the digest.
    let mut block = [0; BLOCK];
    block[..4].copy_from_slice(b"abc\x80");
    block[63] = 24;
    assert_eq!(compress(&block), [0xa999_3e36, 0x4706_816a, 0xba3e_2571, 0x7850_c26c, 0x9cd0_d89d]);
}
