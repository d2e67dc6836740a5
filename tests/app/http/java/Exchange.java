import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;

/** Sends requests with Java's client in its default configuration, which offers HTTP/2. */
public class Exchange {
    public static void main(String[] arguments) throws Exception {
        var client = HttpClient.newHttpClient();
        for (int at = 1; at < arguments.length; at += 3) {
            var request = HttpRequest.newBuilder(URI.create(arguments[0] + arguments[at + 1]))
                .header("Content-Type", "application/json")
                .method(arguments[at], BodyPublishers.ofString(arguments[at + 2]))
                .build();
            var response = client.send(request, BodyHandlers.ofString());
            System.out.println(response.statusCode() + " " + response.body());
        }
    }
}
