//! OpenTelemetry's messages in Protobuf, as far as they are read. Source: opentelemetry-proto 1.x, `collector/trace/v1`, `trace/v1`,
//! `common/v1`.
//!
//! `prost` reads the wire; the fields are tables here and not derived, since its derive turns on features of `syn` with which all else
//! that is derived would be built once more.

use prost::bytes::{Buf, BufMut};
use prost::encoding::{self, DecodeContext, WireType, bytes, double, fixed64, int32, int64, message, skip_field, string};
use prost::{DecodeError, Message};

/// A message: tags, names, types of fields, and what reads them. Unknown fields are passed by; nothing is ever written.
macro_rules! message {
    ($(#[$about:meta])* $name:ident { $($(#[$of_field:meta])* $tag:literal $field:ident: $kind:ty = $merge:path;)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $name {
            $($(#[$of_field])* pub $field: $kind,)*
        }

        impl Message for $name {
            fn merge_field(
                &mut self,
                tag: u32,
                wire_type: WireType,
                buffer: &mut impl Buf,
                context: DecodeContext,
            ) -> Result<(), DecodeError> {
                match tag {
                    $($tag => $merge(wire_type, &mut self.$field, buffer, context),)*
                    _ => skip_field(wire_type, tag, buffer, context),
                }
            }

            fn encode_raw(&self, _: &mut impl BufMut) {}

            fn encoded_len(&self) -> usize {
                0
            }

            fn clear(&mut self) {
                *self = Self::default();
            }
        }
    };
}

message!(
    /// What is sent to `/v1/traces`.
    ExportTraceServiceRequest {
        1 resource_spans: Vec<ResourceSpans> = message::merge_repeated;
    }
);

message!(
    /// The spans of one program.
    ResourceSpans {
        2 scope_spans: Vec<ScopeSpans> = message::merge_repeated;
    }
);

message!(
    /// The spans of one library of it.
    ScopeSpans {
        2 spans: Vec<OtelSpan> = message::merge_repeated;
    }
);

message!(
    /// A call.
    OtelSpan {
        /// Sixteen bytes.
        1 trace_id: Vec<u8> = bytes::merge;
        /// Eight bytes; of the parent none if it is the outermost.
        2 span_id: Vec<u8> = bytes::merge;
        4 parent_span_id: Vec<u8> = bytes::merge;
        5 name: String = string::merge;
        /// Nanoseconds since 1970, UTC.
        7 start_time_unix_nano: u64 = fixed64::merge;
        /// 0 while it goes on.
        8 end_time_unix_nano: u64 = fixed64::merge;
        9 attributes: Vec<KeyValue> = message::merge_repeated;
        11 events: Vec<Event> = message::merge_repeated;
        15 status: Status = message::merge;
    }
);

message!(
    /// Something that happened within a span.
    Event {
        1 time_unix_nano: u64 = fixed64::merge;
        2 name: String = string::merge;
        3 attributes: Vec<KeyValue> = message::merge_repeated;
    }
);

message!(
    /// How a span ended.
    Status {
        2 message: String = string::merge;
        /// 0 unset, 1 well, 2 with an error.
        3 code: i32 = int32::merge;
    }
);

message!(
    /// An attribute.
    KeyValue {
        1 key: String = string::merge;
        2 value: AnyValue = message::merge;
    }
);

message!(
    /// Values one after another.
    ArrayValue {
        1 values: Vec<AnyValue> = message::merge_repeated;
    }
);

message!(
    /// Values by name.
    KeyValueList {
        1 values: Vec<KeyValue> = message::merge_repeated;
    }
);

/// The value of an attribute: one of these kinds.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum AnyValue {
    #[default]
    Nothing,
    Text(String),
    Truth(bool),
    Integer(i64),
    Number(f64),
    List(ArrayValue),
    Object(KeyValueList),
    Bytes(Vec<u8>),
}

impl Message for AnyValue {
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        // Reads a value and says what it is.
        macro_rules! read {
            ($kind:path, $merge:path) => {{
                let mut value = Default::default();
                $merge(wire_type, &mut value, buffer, context)?;
                $kind(value)
            }};
        }
        *self = match tag {
            1 => read!(AnyValue::Text, string::merge),
            2 => read!(AnyValue::Truth, encoding::bool::merge),
            3 => read!(AnyValue::Integer, int64::merge),
            4 => read!(AnyValue::Number, double::merge),
            5 => read!(AnyValue::List, message::merge),
            6 => read!(AnyValue::Object, message::merge),
            7 => read!(AnyValue::Bytes, bytes::merge),
            _ => return skip_field(wire_type, tag, buffer, context),
        };
        Ok(())
    }

    fn encode_raw(&self, _: &mut impl BufMut) {}

    fn encoded_len(&self) -> usize {
        0
    }

    fn clear(&mut self) {
        *self = AnyValue::Nothing;
    }
}
