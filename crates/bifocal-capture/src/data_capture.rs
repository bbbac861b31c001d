//! Files of SageMaker Data Capture.
