use super::header::{Header, Numbers, parse, read_header};

const DOUBLE: Numbers = Numbers { bytes: 8, big_endian: false };

fn header(numbers: Numbers, shape: &[usize]) -> Header {
    Header { numbers, shape: shape.to_vec() }
}

#[test]
fn headers_of_all_versions_of_numpy_are_read() {
    let big = Numbers { bytes: 4, big_endian: true };
    for (text, expected) in [
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (2048,), }            \n", header(DOUBLE, &[2048])),
        ("{'descr': '<f8', 'fortran_order': True, 'shape': (20, 20), }\n", header(DOUBLE, &[20, 20])),
        // Python 2 on Windows.
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (2048L, 2048L), }\n", header(DOUBLE, &[2048, 2048])),
        // Other writers: other order, quotes, and no space.
        ("{\"shape\":(3,4),\"fortran_order\":False,\"descr\":\">f4\"}", header(big, &[3, 4])),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': ()}", header(DOUBLE, &[])),
    ] {
        assert_eq!(parse(text).unwrap(), expected, "{text}");
    }
}

#[test]
fn what_is_no_header_is_refused_with_a_reason() {
    for (text, reason) in [
        ("", "`{`"),
        ("{'descr': '<f8', 'fortran_order': False}", "lacks"),
        ("{'descr': '<f2', 'fortran_order': False, 'shape': (1,)}", "astype(numpy.float64)"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "type `|O`"),
        ("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}", "records"),
        ("{'descr': '<f8', 'fortran_order': 0, 'shape': (1,)}", "True or False"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", "a size"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}", "a size"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)} x", "its end"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': ((((((", "a size"),
        ("{'descr': '<f8', 'size': 1}", "unknown key `size`"),
        ("{'descr': '<f8", "a closing quote"),
        ("{'descr': '<f8' 'fortran_order': False}", "`}`"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(reason), "{text}: {error}");
    }
    let axes = format!("{{'shape': ({})}}", "1,".repeat(5000));
    assert!(parse(&axes).unwrap_err().contains("more than 64 axes"));
}

#[test]
fn long_headers_are_not_trusted() {
    let mut bytes = b"\x93NUMPY\x02\x00".to_vec();
    bytes.extend(u32::MAX.to_le_bytes());
    let error = read_header(&mut &bytes[..]).unwrap_err();
    assert!(error.contains("4294967295 bytes"), "{error}");
}
