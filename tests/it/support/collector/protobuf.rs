//! Protocol buffers' wire format, read by hand: the oracle shares no code with the program.

/// A field as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

impl<'a> Field<'a> {
    pub fn bytes(self) -> &'a [u8] {
        let Field::Bytes(bytes) = self else { panic!("bytes, not {self:?}") };
        bytes
    }

    pub fn text(self) -> String {
        String::from_utf8(self.bytes().to_vec()).expect("UTF-8")
    }

    pub fn varint(self) -> u64 {
        let Field::Varint(number) = self else { panic!("a varint, not {self:?}") };
        number
    }

    pub fn fixed64(self) -> u64 {
        let Field::Fixed64(number) = self else { panic!("a fixed64, not {self:?}") };
        number
    }

    pub fn fixed32(self) -> u32 {
        let Field::Fixed32(number) = self else { panic!("a fixed32, not {self:?}") };
        number
    }
}

/// The fields of a message, in order.
pub fn fields(mut rest: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let key = varint(&mut rest);
        let field = match key & 7 {
            0 => Field::Varint(varint(&mut rest)),
            1 => Field::Fixed64(u64::from_le_bytes(take(&mut rest, 8).try_into().expect("eight bytes"))),
            2 => {
                let length = usize::try_from(varint(&mut rest)).expect("a length");
                Field::Bytes(take(&mut rest, length))
            }
            5 => Field::Fixed32(u32::from_le_bytes(take(&mut rest, 4).try_into().expect("four bytes"))),
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

fn varint(rest: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return number;
        }
    }
    panic!("a varint without end")
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, after) = rest.split_at(count);
    *rest = after;
    taken
}
