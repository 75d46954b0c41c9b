module RubySample
  def self.greeting
    "hello"
  end
end
