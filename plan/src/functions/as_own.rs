//! Functions in the place of DataFusion's own, which say of themselves what those say.

/// What a function with a field `own`, the function in whose place it stands, says of itself; its type, if that is not another.
macro_rules! as_own {
    () => {
        as_own!(but_its_type);

        fn return_type(&self, types: &[DataType]) -> Result<DataType> {
            self.own.return_type(types)
        }
    };
    (but_its_type) => {
        fn name(&self) -> &str {
            self.own.name()
        }

        fn aliases(&self) -> &[String] {
            self.own.aliases()
        }

        fn signature(&self) -> &Signature {
            self.own.signature()
        }

        fn documentation(&self) -> Option<&Documentation> {
            self.own.documentation()
        }
    };
}

pub(super) use as_own;
