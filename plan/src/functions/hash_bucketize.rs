//! `ML.HASH_BUCKETIZE(text, buckets)`: a bucket from 0 for a text, by its hash.

use std::sync::Arc;

use arrow::array::{AsArray, Int64Array};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use xxhash_rust::xxh3::xxh3_64;

use super::arguments::{constant, is_category, wrong};

const NAME: &str = "ml.hash_bucketize";

/// `xxh3_64(text) mod buckets`; with 0 buckets the hash itself. A null has no bucket.
/// Source: BigQuery ML's function of that name, which hashes by FarmHash: the buckets are others.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct HashBucketize {
    signature: Signature,
}

impl Default for HashBucketize {
    fn default() -> Self {
        HashBucketize { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for HashBucketize {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    // Types that do not fit stay: what `return_type` says of them is heard, what is said here is not.
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [text, buckets] if is_category(text) && buckets.is_integer() => Ok(vec![DataType::Utf8, DataType::Int64]),
            other => Ok(other.to_vec()),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::Utf8, DataType::Int64] => Ok(DataType::Int64),
            _ => wrong(NAME, "expected a text and a number of buckets"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let buckets = match constant(NAME, "the number of buckets", &args.args[1])? {
            ScalarValue::Int64(Some(buckets)) if *buckets >= 0 => *buckets as u64,
            other => return wrong(NAME, format!("the number of buckets is {other}, expected 0 or more")),
        };
        let texts = args.args[0].to_array(args.number_rows)?;
        let found: Int64Array = texts.as_string::<i32>().iter().map(|text| text.map(|text| bucket(text, buckets))).collect();
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}

fn bucket(text: &str, buckets: u64) -> i64 {
    let hash = xxh3_64(text.as_bytes());
    if buckets == 0 { hash as i64 } else { (hash % buckets) as i64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_same_in_every_process_and_release() {
        assert_eq!(bucket("", 0), 0x2D06_8005_38D3_94C2_u64 as i64);
        assert!((0..1000).map(|i| bucket(&i.to_string(), 7)).all(|bucket| (0..7).contains(&bucket)));
    }
}
